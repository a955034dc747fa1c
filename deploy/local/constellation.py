"""The constellation: every part started in parallel, waited for, killed and started again, ended in order.

    async with Constellation(root=tmp_path, ports=Ports.free()) as constellation:
        await constellation.kill("backend_svc")
        await constellation.start("backend_svc")

Use it from the main thread: the parts die with the thread that started them (see `privileges`).
"""

import asyncio
import signal
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from deploy.local import process
from deploy.local.ledger import Ledger
from deploy.local.part import Part, until
from deploy.local.plan import PARTS, SERVERS, External, Plan
from deploy.local.ports import Ports
from deploy.local.probe import http
from deploy.local.process import Child
from deploy.local.rootlock import root_lock
from deploy.local.versions import read_versions
from deploy.services import NAMES

# How long a part may take. Generous: on a busy machine slow is not broken, and a dead process is noticed at once.
START_LIMIT = 90.0
HEALTH_LIMIT = 60.0
STOP_LIMIT = 15.0
STOP_ORDER = (
    NAMES,
    ("edge_agent", "envoy"),
    SERVERS,
)


class StartFailed(Exception):
    """A part did not start. The message ends with the last lines of its log."""

    def __init__(self, part: str, reason: str, log: Path) -> None:
        super().__init__(f"{part} did not start: {reason}\n--- {log}\n{process.tail(log)}")
        self.part = part


class Constellation:
    """All parts, or those named in `parts`, in one root folder.

    `extra_env` adds environment variables by service name. With `detached` the parts outlive this process.
    """

    def __init__(
        self,
        root: Path,
        ports: Ports | None = None,
        external: External | None = None,
        *,
        parts: Iterable[str] = PARTS,
        extra_env: Mapping[str, Mapping[str, str]] | None = None,
        detached: bool = False,
    ) -> None:
        self.plan = Plan.make(
            root.resolve(), ports or Ports.defaults(), external or External(), frozenset(parts), extra_env or {}
        )
        self.layout = self.plan.layout
        self.ports = self.plan.port_numbers
        self.detached = detached
        self.versions: dict[str, str] = {}
        """Map each server to its release, once the whole is up."""
        self._ledger = Ledger(self.layout.ledger)
        self._children: dict[str, list[Child]] = {}
        self._held = ExitStack()

    async def __aenter__(self) -> Self:
        await self.start_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop_all()

    @property
    def addresses(self) -> dict[str, str]:
        """Map each part that listens to its "host:port"."""
        return self.plan.addresses

    @property
    def edge_url(self) -> str:
        return f"http://{self.addresses['envoy']}"

    @property
    def log_files(self) -> dict[str, Path]:
        return {part: self.layout.log(part) for part in self.plan.parts}

    def env_of(self, service: str) -> dict[str, str]:
        """Return the environment a service (or `edge_agent`) is started with."""
        return self.plan.environment(service)

    def pid(self, part: str) -> int:
        """Return the pid of a part that runs."""
        return self._children[part][-1].pid

    def running(self, part: str) -> bool:
        return part in self._children and all(child.alive() for child in self._children[part])

    async def start_all(self) -> None:
        """Start everything and wait until the whole answers. When anything fails, everything is stopped."""
        self._held.enter_context(root_lock(self.layout.lock))
        try:
            await end_all(Ledger.read(self.layout.ledger))
            for part in self.plan.parts.values():
                self.ports.require_free(part.name, part.ports)
            self.plan.credentials.create_all()
            async with asyncio.TaskGroup() as group:
                stores = [group.create_task(self._start_store(name)) for name in ("postgres", "redis", "consul")]
                group.create_task(self._start_if_planned("rabbitmq"))
                # Rendering needs nothing but files, and Envoy nothing but what was rendered.
                group.create_task(self._start_in_order("edge_agent", "envoy"))
                # Two cores: the services' imports would only slow the servers they are going to wait for.
                group.create_task(self._start_services(stores))
            await self._wait_for_health()
            self._ledger.complete(self.addresses, self.ports.numbers(), self.versions)
        except BaseException as error:
            await self.stop_all()
            raise first_of(error) from None
        if self.detached:
            self._held.close()

    async def stop_all(self) -> None:
        """Stop services, then the edge, then servers. Repeating it does nothing."""
        self._ledger.parts = {name: children for name, children in self._children.items() if children}
        await end_all(self._ledger)
        self._children.clear()
        self._held.close()

    async def start(self, part: str, *, wait: bool = True) -> None:
        """Start a part; wait until it is ready unless told not to (its dependencies may be down)."""
        planned = self.plan.parts[part]
        if self.running(part):
            return
        await self._end(part, stop=True)
        try:
            self.ports.require_free(part, planned.ports)
            await planned.prepare()
            for command in planned.commands():
                self._children.setdefault(part, []).append(process.spawn(command, detached=self.detached))
                self._ledger.record(part, self._children[part])
        except Exception as error:
            raise StartFailed(part, str(error), self.layout.log(part)) from error
        if wait:
            await self._wait_for(planned)

    async def stop(self, part: str) -> None:
        """Ask a part to end, and kill it when it takes too long."""
        await self._end(part, stop=True)

    async def kill(self, part: str) -> None:
        """SIGKILL a part by pid and reap it."""
        await self._end(part, stop=False)

    def send(self, part: str, number: signal.Signals) -> None:
        """Send a signal to a part: SIGSTOP and SIGCONT make it hang and go on."""
        process.send(self._children[part][-1], number)

    async def _start_store(self, part: str) -> None:
        await self._start_if_planned(part)
        if part == "postgres":
            await self.plan.bootstrap_database()

    async def _start_if_planned(self, part: str) -> None:
        if part in self.plan.parts:
            await self.start(part)

    async def _start_in_order(self, *parts: str) -> None:
        for part in parts:
            await self._start_if_planned(part)

    async def _start_services(self, stores: Iterable[asyncio.Task[None]]) -> None:
        await asyncio.gather(*stores)
        await asyncio.gather(*(self._start_if_planned(service) for service in NAMES))

    async def _wait_for(self, part: Part) -> None:
        async def settled() -> bool:
            return not self.running(part.name) or await part.ready()

        answered = await until(settled, START_LIMIT)
        self._require_running(part.name)
        if not answered:
            raise StartFailed(part.name, f"not ready after {START_LIMIT:.0f} s", self.layout.log(part.name))

    async def _wait_for_health(self) -> None:
        """Wait until the edge says that the whole is healthy; only a complete constellation can be."""
        if set(self.plan.parts) | self.plan.outside < set(PARTS):
            return

        async def healthy() -> bool:
            for part in self.plan.parts:
                self._require_running(part)
            return await http(f"{self.edge_url}/api/health", timeout=10) == 200

        if not await until(healthy, HEALTH_LIMIT):
            status = await http(f"{self.edge_url}/api/health", timeout=10)
            raise StartFailed("envoy", f"GET /api/health still answers {status}", self.layout.log("gateway"))
        self.versions = await read_versions(self.edge_url, self.ports.envoy_admin)

    def _require_running(self, part: str) -> None:
        if not self.running(part):
            codes = [child.exit_code() for child in self._children.get(part, []) if not child.alive()]
            raise StartFailed(part, f"it ended with exit code {codes}", self.layout.log(part))

    async def _end(self, part: str, *, stop: bool) -> None:
        children = self._children.pop(part, [])
        for child in reversed(children):
            await (process.stop(child, STOP_LIMIT) if stop else process.kill(child))
        self._ledger.forget(part)


async def end_all(ledger: Ledger) -> None:
    """End every process in the ledger in the right order, each only if it still is the one that was recorded."""

    async def end(part: str) -> None:
        for child in reversed(ledger.parts[part]):
            await process.stop(child, STOP_LIMIT)
        ledger.forget(part)

    ledger.up = False
    for rank in STOP_ORDER:
        await asyncio.gather(*(end(part) for part in rank if part in ledger.parts))


def first_of(error: BaseException) -> BaseException:
    """Return the failure a person wants to read: of a group of parallel starts the first one."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
