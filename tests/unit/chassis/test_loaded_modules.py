"""Modules that a service loads stay in the memory of each process, so it must not load those it does not use."""

import subprocess
import sys

import pytest

from deploy.local.layout import CHECKOUT
from deploy.services import NAMES

# `rich` is loaded by structlog, to draw tracebacks.
NOT_USED = {"aiohttp", "httpx", "httpcore", "anyio", "typer", "numpy", "opentelemetry.exporter"}


@pytest.mark.parametrize("module", [*(f"{name}.app" for name in NAMES), "edge.__main__"])
def test_service_does_not_load_libraries_of_the_command(module: str) -> None:
    code = f"import {module}, sys; print(*sys.modules)"
    command = (sys.executable, "-c", code)
    loaded = subprocess.run(command, cwd=CHECKOUT, check=True, capture_output=True, text=True, timeout=60)
    assert {"structlog", "consul"} <= set(loaded.stdout.split())
    assert not NOT_USED & set(loaded.stdout.split())
