"""Modules that a service loads stay in the memory of each process, so it must not load those it does not use."""

import subprocess
import sys

import pytest

from deploy.local.layout import CHECKOUT
from deploy.services import NAMES

# The call to Consul fails. It is made because the registry's client imports some modules only when it is used.
LOAD = """
import asyncio, importlib, sys
from chassis.registry.consul import Consul

async def call():
    async with Consul("http://127.0.0.1:1") as consul:
        try:
            await consul.leader()
        except OSError:
            print("called")

importlib.import_module(sys.argv[1])
asyncio.run(call())
print(*sys.modules)
"""
# `rich` is not listed, because structlog loads it to format tracebacks.
NOT_USED = {"aiohttp", "httpx", "httpcore", "anyio", "typer", "numpy", "opentelemetry.exporter"}


@pytest.mark.parametrize("module", [*(f"{name}.app" for name in NAMES), "edge.__main__"])
def test_service_does_not_load_libraries_of_the_command(module: str) -> None:
    command = (sys.executable, "-c", LOAD, module)
    loaded = subprocess.run(command, cwd=CHECKOUT, check=True, capture_output=True, text=True, timeout=60)
    assert {"structlog", "consul", "called"} <= set(loaded.stdout.split())
    assert not NOT_USED & set(loaded.stdout.split())
