"""What a service loads is resident once for each process, so what none of them uses stays out."""

import subprocess
import sys

import pytest

from deploy.local.layout import CHECKOUT

NOT_USED = {"rich", "pygments", "aiohttp", "requests", "httpx", "typer"}


@pytest.mark.parametrize("module", ["auth_svc.app", "backend_svc.app", "gateway.app", "privacy_svc.app", "edge.agent"])
def test_a_service_loads_no_library_of_the_command(module: str) -> None:
    code = f"import sys, {module}; print(*{{name.partition('.')[0] for name in sys.modules}})"
    loaded = subprocess.run(
        (sys.executable, "-c", code), cwd=CHECKOUT, check=True, capture_output=True, text=True, timeout=60
    ).stdout.split()
    assert "structlog" in loaded
    assert not NOT_USED & set(loaded)
