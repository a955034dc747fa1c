"""The registry: a service registers itself in Consul and watches the addresses of the services that it calls.

While Consul is unavailable, or its answer is empty, the last known addresses stay in use; gRPC finds out which of
them respond.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from uuid import uuid4

import structlog
from consul import Check

from chassis.backoff import Backoff
from chassis.registry.consul import Consul, ConsulError

log = structlog.get_logger()

TTL = "15s"
DEREGISTER_AFTER = "30s"  # Consul rounds this up to a minute
_KEEP_SECONDS = 5.0
_WAIT_SECONDS = 30
_PING_SECONDS = 1.0
_FIRST_BACKOFF, _LONGEST_BACKOFF = 0.1, 5.0


@dataclass(frozen=True, slots=True)
class Instance:
    """One process that the registry knows."""

    service: str
    id: str
    address: str
    passing: bool


class Registry:
    """One Consul agent; must be closed."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._queries = Consul(url)
        # Pings need a separate client: a client makes one request at a time, and slow queries must not delay pings.
        self._pings = Consul(url, answer_seconds=_PING_SECONDS)

    async def aclose(self) -> None:
        """Close the clients. Later queries and pings raise RuntimeError."""
        self._queries.close()
        self._pings.close()

    async def keep_registered(self, name: str, host: str, port: int, serves: Callable[[], bool]) -> None:
        """Register an instance, and again whenever the registry has lost it, until cancelled; then deregister.

        The instance reports every few seconds whether it serves. The registry counts silence as a failure. It does not
        ask, because it has no certificate that services accept.
        """
        instance_id = f"{name}-{host}-{port}"
        check = Check.ttl(TTL) | {"DeregisterCriticalServiceAfter": DEREGISTER_AFTER}
        async with Consul(self._url) as consul:
            # An instance of this id may be left from an earlier process, with another kind of check.
            ours = False

            async def register() -> None:
                nonlocal ours, instance_id
                if ours and instance_id in await consul.services_of_agent():
                    ours = False  # unless the registry takes the report
                    await consul.report(instance_id, passing=serves())
                else:
                    # The service is listening by now, so callers need not wait for the first report.
                    check["Status"] = "passing" if serves() else "critical"
                    try:
                        await consul.register(name, instance_id, host, port, check)
                    except ConsulError as error:
                        if error.status == HTTPStatus.FORBIDDEN:
                            # Another service may have taken our id. Only it can change that instance.
                            instance_id = f"{name}-{host}-{port}-{uuid4().hex[:8]}"
                        raise
                    log.info("registered", instance=instance_id)
                ours = True

            try:
                while True:
                    await _attempt("registration", register)
                    await asyncio.sleep(_KEEP_SECONDS)
            finally:
                try:
                    async with asyncio.timeout(1.0):
                        await consul.deregister(instance_id)
                except Exception as error:
                    log.info("deregistration_failed", error=error)

    async def follow(self, service: str, on_change: Callable[[Sequence[str]], None]) -> None:
        """Report the addresses of a service's passing instances, now and at each change, until cancelled.

        An answer without instances is not reported: see docs/decisions/edge-discovery.md.
        """
        index: int | None = None
        known: list[str] = []
        backoff = Backoff(_FIRST_BACKOFF, _LONGEST_BACKOFF)

        async def wait_for_change() -> None:
            nonlocal index, known
            answered, nodes = await consul.instances(service, passing=True, index=index, wait_seconds=_WAIT_SECONDS)
            index = next_index(index, answered)
            addresses = await _addresses(nodes)
            if not addresses:
                log.warning("registry_knows_no_instance", callee=service)
            elif addresses != known:
                # If this fails, for example on a full disk, the next answer reports the addresses again.
                on_change(addresses)
                known = addresses
                log.info("addresses_changed", callee=service, addresses=addresses)

        async with Consul(self._url) as consul:
            while True:
                if await _attempt(f"watch of {service}", wait_for_change):
                    backoff.reset()
                else:
                    index = None
                    await backoff.pause()

    async def instances(self) -> list[Instance]:
        """Return the instances of every service. Raises ConsulError, OSError or TimeoutError."""
        async with asyncio.timeout(2.0):
            names = [name for name in await self._queries.services() if name != "consul"]
            found = [await self._queries.instances(name) for name in names]
        return sorted(
            (_instance(node) for _, nodes in found for node in nodes), key=lambda item: (item.service, item.address)
        )

    async def ping(self) -> None:
        """Raise unless the registry has a leader."""
        async with asyncio.timeout(2.0):
            if not await self._pings.leader():
                raise ConnectionError("the registry has no leader")

    async def version(self) -> str:
        """Return the registry's release, or "" if our token may not read it."""
        async with asyncio.timeout(2.0):
            try:
                return await self._queries.version()
            except ConsulError:
                return ""


def next_index(index: int | None, answered: int) -> int | None:
    """Return the index for the next query; None if it went backwards (a restored Consul), so as not to wait."""
    if answered <= 0 or (index is not None and answered < index):
        return None
    return answered


async def _addresses(nodes: Sequence[dict[str, Any]]) -> list[str]:
    """Return "ip:port" of each entry, sorted. Host names are resolved; an unknown one is left out."""
    found: set[str] = set()
    for node in nodes:
        host, port = node["Service"]["Address"] or node["Node"]["Address"], node["Service"]["Port"]
        try:
            # An IP address passes through without a look-up.
            infos = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError:
            log.warning("instance_host_unknown", host=host)
            continue
        found.update(f"{info[4][0]}:{port}" for info in infos if info[0] == socket.AF_INET)
    return sorted(found)


def _instance(node: dict[str, Any]) -> Instance:
    service = node["Service"]
    passing = all(check["Status"] == "passing" for check in node["Checks"])
    return Instance(service["Service"], service["ID"], f"{service['Address']}:{service['Port']}", passing)


async def _attempt(purpose: str, action: Callable[[], Awaitable[None]]) -> bool:
    """Run the action and return whether it succeeded. A failure is logged, not raised."""
    try:
        await action()
    except Exception as error:
        refusal = {"status": error.status} if isinstance(error, ConsulError) else {}
        log.info("registry_unavailable", purpose=purpose, error=type(error).__name__, **refusal)
        return False
    return True
