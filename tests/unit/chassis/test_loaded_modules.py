"""What a service loads is resident once for each process, so what none of them uses stays out."""

import subprocess
import sys

import pytest

from deploy.local.layout import CHECKOUT

NOT_USED = {"rich", "pygments", "aiohttp", "requests", "httpx", "typer"}
# The client of the registry loads a part of itself when it is first used.
LOAD = """
import asyncio, contextlib, sys
import {module}
from chassis.registry.consul import Consul

async def ask():
    async with Consul("http://127.0.0.1:1") as consul:
        with contextlib.suppress(Exception):
            await consul.leader()

asyncio.run(ask())
print(*{{name.partition(".")[0] for name in sys.modules}})
import rich.console
"""


@pytest.mark.parametrize(
    "module", ["auth_svc.app", "backend_svc.app", "gateway.app", "privacy_svc.app", "edge.__main__"]
)
def test_a_service_loads_no_library_of_the_command(module: str) -> None:
    command = (sys.executable, "-c", LOAD.format(module=module))
    loaded = subprocess.run(command, cwd=CHECKOUT, check=True, capture_output=True, text=True, timeout=60)
    assert {"structlog", "httpcore", "anyio"} <= set(loaded.stdout.split())
    assert not NOT_USED & set(loaded.stdout.split())
