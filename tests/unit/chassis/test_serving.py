"""Serving: a server that stops releases its resources."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bench.tracing import Accepting, settings_of, write_key
from chassis.registry.discovery import Registry
from chassis.serving.server import Application, Parts, serving
from chassis.serving.settings import Settings


async def test_server_that_stops_closes_its_registry(tmp_path: Path) -> None:
    write_key(tmp_path, "gateway")
    registries: list[Registry] = []

    @asynccontextmanager
    async def open_app(_: Settings, parts: Parts) -> AsyncIterator[Application]:
        registries.append(parts.registry)
        yield Application(servicers=[], revocations=Accepting(), checks={})

    async with serving("gateway", settings_of(tmp_path, "gateway"), open_app):
        with pytest.raises(OSError, match="refused"):
            await registries[0].ping()
    with pytest.raises(RuntimeError, match="closed"):
        await registries[0].ping()
