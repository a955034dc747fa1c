"""The registry: a service registers itself in Consul and follows the addresses of those that it calls.

Consul away, or its answer empty, costs nothing that is known: the last addresses stay in use, and gRPC's own
connections tell the living from the dead.
"""

import asyncio
import random
import socket
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from chassis.registry.consul import Consul, ConsulError
from chassis.telemetry import describe, log

CHECK_INTERVAL = "10s"
CHECK_TIMEOUT = "5s"
DEREGISTER_AFTER = "30s"  # Consul rounds this up to a minute
_KEEP_SECONDS = 5.0
_WAIT_SECONDS = 30
_FIRST_BACKOFF = 0.1
_LAST_BACKOFF = 5.0


@dataclass(frozen=True, slots=True)
class Instance:
    """One process that the registry knows."""

    service: str
    id: str
    address: str
    passing: bool


class Registry:
    """One Consul agent."""

    def __init__(self, url: str) -> None:
        self._url = url

    async def keep_registered(self, name: str, host: str, port: int) -> None:
        """Register an instance, and again whenever the registry has lost it, until cancelled; then deregister."""
        instance_id = f"{name}-{host}-{port}"
        instance = {
            "Name": name,
            "ID": instance_id,
            "Address": host,
            "Port": port,
            "Check": {
                "GRPC": f"{host}:{port}",
                "Interval": CHECK_INTERVAL,
                "Timeout": CHECK_TIMEOUT,
                "DeregisterCriticalServiceAfter": DEREGISTER_AFTER,
                # It registers only once it listens, so nobody need wait for the first check.
                "Status": "passing",
            },
        }
        async with Consul(self._url) as consul:

            async def register() -> None:
                if instance_id not in await consul.services_of_agent():
                    await consul.register(instance)
                    log.info("registered", instance=instance_id)

            try:
                while True:
                    await _attempt("registration", register)
                    await asyncio.sleep(_KEEP_SECONDS)
            finally:
                try:
                    async with asyncio.timeout(1.0):
                        await consul.deregister(instance_id)
                except Exception as error:
                    log.info("deregistration_failed", **describe(error))

    async def follow(self, service: str, on_change: Callable[[Sequence[str]], None]) -> None:
        """Report the addresses of a service's passing instances, now and at each change, until cancelled.

        An answer without instances is not reported: see docs/decisions/edge-discovery.md.
        """
        index: int | None = None
        known: list[str] = []
        backoff = _FIRST_BACKOFF

        async def wait_for_change() -> None:
            nonlocal index, known
            answered, nodes = await consul.instances(service, passing=True, index=index, wait_seconds=_WAIT_SECONDS)
            index = next_index(index, answered)
            addresses = await _addresses(nodes)
            if not addresses:
                log.warning("registry_knows_no_instance", callee=service)
            elif addresses != known:
                known = addresses
                log.info("addresses_changed", callee=service, addresses=addresses)
                on_change(addresses)

        async with Consul(self._url) as consul:
            while True:
                if await _attempt(f"watch of {service}", wait_for_change):
                    backoff = _FIRST_BACKOFF
                else:
                    index = None
                    # Jitter, so that not everybody asks a registry at once that has just come back.
                    await asyncio.sleep(backoff * random.uniform(0.5, 1.0))
                    backoff = min(backoff * 2, _LAST_BACKOFF)

    async def instances(self) -> list[Instance]:
        """Return the instances of every service. Raises ConsulError, httpcore's errors or TimeoutError."""
        async with asyncio.timeout(2.0), Consul(self._url) as consul:
            found = [await consul.instances(name) for name in await consul.services() if name != "consul"]
        return sorted(
            (_instance(node) for _, nodes in found for node in nodes), key=lambda item: (item.service, item.address)
        )

    async def ping(self) -> None:
        """Raise unless the registry has a leader."""
        async with asyncio.timeout(2.0), Consul(self._url) as consul:
            if not await consul.leader():
                raise ConnectionError("the registry has no leader")


def next_index(index: int | None, answered: int) -> int | None:
    """Return the index to ask with next: none, thus at once, after one that went backwards (a restored Consul)."""
    if answered <= 0 or (index is not None and answered < index):
        return None
    return answered


async def _addresses(nodes: Sequence[dict[str, Any]]) -> list[str]:
    """Return "ip:port" of each entry, sorted; a host name becomes its IP addresses, an unknown one is left out."""
    found: set[str] = set()
    for node in nodes:
        host, port = node["Service"]["Address"] or node["Node"]["Address"], node["Service"]["Port"]
        try:
            # An IP address passes through without a question.
            infos = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError:
            log.warning("instances_host_unknown", host=host)
            continue
        found.update(f"{info[4][0]}:{port}" for info in infos if info[0] == socket.AF_INET)
    return sorted(found)


def _instance(node: dict[str, Any]) -> Instance:
    service = node["Service"]
    passing = all(check["Status"] == "passing" for check in node["Checks"])
    return Instance(service["Service"], service["ID"], f"{service['Address']}:{service['Port']}", passing)


async def _attempt(what: str, action: Callable[[], Awaitable[None]]) -> bool:
    """Run the action; a registry that is away is logged, not raised."""
    try:
        await action()
    except Exception as error:
        refusal = {"status": error.status} if isinstance(error, ConsulError) else {}
        log.info("registry_away", during=what, error=type(error).__name__, **refusal)
        return False
    return True
