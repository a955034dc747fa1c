"""Serving: what a server that stops leaves behind."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from chassis.call_context import Caller
from chassis.registry.discovery import Registry
from chassis.serving.server import Application, Parts, serving
from chassis.serving.settings import Settings

NOWHERE = "127.0.0.1:1"


class Accepting:
    """Accepts every token."""

    async def check(self, caller: Caller) -> None:
        pass


async def test_server_that_stops_closes_its_registry(tmp_path: Path) -> None:
    key = tmp_path / "gateway.pem"
    key.write_bytes(Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    (tmp_path / "gateway.jwks.json").write_text(json.dumps({"keys": []}))
    settings = Settings.model_validate(
        {
            "port": 0,
            "metrics_port": 0,
            "database_url": f"postgresql://{NOWHERE}/none",
            "redis_url": f"redis://{NOWHERE}",
            "broker_url": f"amqp://{NOWHERE}",
            "consul_url": f"http://{NOWHERE}",
            "signing_key_file": key,
            "trust_dir": tmp_path,
            "drain_seconds": 0,
        }
    )
    registries: list[Registry] = []

    @asynccontextmanager
    async def open_app(_: Settings, parts: Parts) -> AsyncIterator[Application]:
        registries.append(parts.registry)
        yield Application(servicers=[], revocations=Accepting(), checks={})

    async with serving("gateway", settings, open_app):
        with pytest.raises(OSError, match="refused"):
            await registries[0].ping()
    with pytest.raises(RuntimeError, match="closed"):
        await registries[0].ping()
