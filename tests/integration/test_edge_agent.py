"""The edge's agent follows changes of addresses and keys. If the source fails or is empty, it keeps the last ones."""

import asyncio
import json
import signal
import sys
from asyncio.subprocess import DEVNULL
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from chassis.registry.consul import Consul
from chassis.registry.discovery import next_index
from deploy.local import binaries
from deploy.local.ports import find_free
from edge.files import EdgeFiles
from tests.edge_rig import LOOPBACK, Issuer
from tests.waiting import eventually

ISSUER = Issuer("first")


class Registry:
    """A Consul for one test. It stores nothing: after a restart it is empty."""

    def __init__(self) -> None:
        self.port, self._rpc, self._serf = find_free(3)
        self.url = f"http://{LOOPBACK}:{self.port}"
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        ports = {"http": self.port, "server": self._rpc, "serf_lan": self._serf, "serf_wan": -1, "dns": -1, "grpc": -1}
        config = json.dumps({"ports": ports, "performance": {"raft_multiplier": 1}})
        self._process = await asyncio.create_subprocess_exec(
            str(binaries.consul()), "agent", "-dev", "-hcl", config, stdout=DEVNULL, stderr=DEVNULL
        )
        await eventually(self._has_leader, within=10)

    async def _has_leader(self) -> bool:
        try:
            async with httpx.AsyncClient() as http:
                return (await http.get(f"{self.url}/v1/catalog/nodes?consistent")).status_code == 200
        except httpx.TransportError:
            return False

    async def stop(self) -> None:
        if self._process and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    async def register(self, name: str, port: int) -> None:
        async with Consul(self.url) as consul:
            await consul.register(name, f"{name}-{port}", LOOPBACK, port)

    async def deregister(self, name: str, port: int) -> None:
        async with Consul(self.url) as consul:
            await consul.deregister(f"{name}-{port}")


@asynccontextmanager
async def agent_running(folder: Path, consul_url: str) -> AsyncIterator[tuple[asyncio.subprocess.Process, EdgeFiles]]:
    environment = {
        "PYTHONPATH": ":".join(sys.path),
        "FAIRDB_EDGE_DIR": str(folder / "edge"),
        "FAIRDB_TRUST_DIR": str(folder),
        "FAIRDB_CONSUL_URL": consul_url,
    }
    with (folder / "agent.log").open("ab") as output:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "edge", env=environment, stdout=output, stderr=output
        )
    try:
        yield process, EdgeFiles(folder / "edge")
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def read_ports(file: Path) -> list[int]:
    if not file.exists():
        return []
    endpoints = json.loads(file.read_text())["resources"][0]["endpoints"][0]["lb_endpoints"]
    return [each["endpoint"]["address"]["socket_address"]["port_value"] for each in endpoints]


async def test_agent_follows_the_registry_and_keeps_last_addresses(tmp_path: Path) -> None:
    registry = Registry()
    await registry.start()
    try:
        async with agent_running(tmp_path, registry.url) as (process, files):
            gateway = files.endpoints("gateway")

            async def follows(*expected: int) -> None:
                async def is_so() -> bool:
                    return read_ports(gateway) == list(expected)

                await eventually(is_so)

            async def says(event: str, times: int = 1) -> None:
                async def is_so() -> bool:
                    return (tmp_path / "agent.log").read_text().count(event) >= times

                await eventually(is_so)

            await registry.register("gateway", 5001)
            await follows(5001)
            await registry.register("gateway", 5002)
            await follows(5001, 5002)
            await registry.deregister("gateway", 5001)
            await follows(5002)
            # The last address is removed from the registry, but the agent keeps it.
            await registry.deregister("gateway", 5002)
            await says('"callee": "gateway", "event": "registry_knows_no_instance"')
            assert read_ports(gateway) == [5002]
            # The registry restarts without its data, and with a new index.
            await registry.stop()
            await says("registry_unavailable", times=3)
            assert read_ports(gateway) == [5002]
            await registry.start()
            await registry.register("gateway", 5003)
            await follows(5003)

            process.send_signal(signal.SIGTERM)
            assert await asyncio.wait_for(process.wait(), 5) == 0
    finally:
        await registry.stop()


async def test_agent_copies_only_public_parts_of_keys(tmp_path: Path) -> None:
    source = tmp_path / "auth_svc.jwks.json"
    async with agent_running(tmp_path, "http://127.0.0.1:9") as (_, files):

        async def are_known(*kids: str) -> None:
            async def is_so() -> bool:
                return files.jwks.exists() and [key["kid"] for key in json.loads(files.jwks.read_text())["keys"]] == [
                    *kids
                ]

            await eventually(is_so)

        await are_known("placeholder")
        source.write_text(json.dumps({"keys": [ISSUER.jwk() | {"d": "private"}]}))
        await are_known("first")
        assert "private" not in files.jwks.read_text()
        source.write_text("{")
        log = tmp_path / "agent.log"

        async def is_logged() -> bool:
            return "keys_unreadable" in log.read_text()

        await eventually(is_logged)
        await are_known("first")


@pytest.mark.parametrize(
    ("asked", "answered", "then"), [(None, 7, 7), (7, 9, 9), (7, 7, 7), (7, 3, None), (7, 0, None)]
)
def test_index_that_decreases_is_reset(asked: int | None, answered: int, then: int | None) -> None:
    assert next_index(asked, answered) == then
