"""The constellation: all servers and services of the platform, started in parallel and stopped in order.

    async with Constellation(root=tmp_path, ports=Ports.free()) as constellation:
        await constellation.kill("backend_svc")
        await constellation.start("backend_svc")

Use it from the main thread: child processes die with the thread that started them (see `privileges`).
"""

import asyncio
import signal
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

import grpc

from chassis.identity.certificates import OPERATOR
from deploy.local import process, sockets
from deploy.local.component import Component, until
from deploy.local.ledger import Ledger
from deploy.local.plan import COMPONENTS, External, Plan
from deploy.local.ports import Ports
from deploy.local.probe import http
from deploy.local.process import Child
from deploy.local.renewal import NAME as AUTHORITY
from deploy.local.rootlock import root_lock
from deploy.local.servers.envoy import admin_socket
from deploy.local.versions import read_versions
from deploy.services import NAMES, SERVERS

# In seconds. Generous, because a busy machine is slow; a process that exits is noticed at once.
START_LIMIT = 90.0
HEALTH_LIMIT = 60.0
STOP_LIMIT = 15.0
STOP_ORDER = (
    NAMES,
    ("edge_agent", "envoy"),
    (*SERVERS, AUTHORITY),
)


class StartFailed(Exception):
    """A component did not start; the message ends with the last lines of its log."""

    def __init__(self, component: str, reason: str, log: Path) -> None:
        super().__init__(f"{component} did not start: {reason}\n--- {log}\n{process.tail(log)}")
        self.component = component


class Constellation:
    """The servers and services of one root folder: all, or those named in `components`.

    `extra_env` maps service names to additional environment variables. With `detached`, components outlive us.
    """

    def __init__(
        self,
        root: Path,
        ports: Ports | None = None,
        external: External | None = None,
        *,
        components: Iterable[str] = COMPONENTS,
        extra_env: Mapping[str, Mapping[str, str]] | None = None,
        detached: bool = False,
    ) -> None:
        self.plan = Plan.make(
            root.resolve(), ports or Ports.defaults(), external or External(), frozenset(components), extra_env or {}
        )
        self.layout = self.plan.layout
        self.ports = self.plan.port_numbers
        self.detached = detached
        self.versions: dict[str, str] = {}
        """The release of each server, once all components are running."""
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
        """The "host:port" of each component that listens."""
        return self.plan.addresses

    @property
    def edge_url(self) -> str:
        return f"http://{self.addresses['envoy']}"

    @property
    def log_files(self) -> dict[str, Path]:
        return {component: self.layout.log(component) for component in self.plan.components}

    def channel(self, service: str, holder: str = OPERATOR) -> grpc.aio.Channel:
        """Open a channel to a service with the certificate of `holder`."""
        return self.plan.credentials.channel(service, self.addresses[service], holder)

    def env_of(self, service: str) -> dict[str, str]:
        """Return the environment of a service or of `edge_agent`."""
        return self.plan.environment(service)

    def pid(self, component: str) -> int:
        """Return the pid of a running component."""
        return self._children[component][-1].pid

    def running(self, component: str) -> bool:
        return component in self._children and all(child.alive() for child in self._children[component])

    async def start_all(self) -> None:
        """Start all components and wait until the platform is healthy. If one fails, stop all of them."""
        self._held.enter_context(root_lock(self.layout.lock))
        try:
            await end_all(Ledger.read(self.layout.ledger))
            for component in self.plan.components.values():
                self.ports.require_free(component.name, component.ports)
            self.plan.credentials.create_all()
            async with asyncio.TaskGroup() as group:
                stores = [group.create_task(self._start_store(name)) for name in ("postgres", "redis", "consul")]
                group.create_task(self._start_if_planned("rabbitmq"))
                group.create_task(self._start_if_planned(AUTHORITY))
                # These need no server: the edge agent renders from files, and Envoy reads the rendered files.
                group.create_task(self._start_in_order("edge_agent", "envoy"))
                # Services start after the stores: on two cores their imports would slow down the stores' start.
                group.create_task(self._start_services(stores))
            await self._wait_for_health()
            self._ledger.complete(self.addresses, self.ports.numbers(), self.versions)
        except BaseException as error:
            await self.stop_all()
            raise first_of(error) from None
        if self.detached:
            self._held.close()

    async def stop_all(self) -> None:
        """Stop the services, then the edge, then the servers. Idempotent."""
        self._ledger.components = {name: children for name, children in self._children.items() if children}
        await end_all(self._ledger)
        self._children.clear()
        self._held.close()

    async def start(self, component: str, *, wait: bool = True) -> None:
        """Start a component. Without `wait`, do not wait until it is ready: its dependencies may be down."""
        planned = self.plan.components[component]
        if self.running(component):
            return
        await self._end(component, stop=True)
        try:
            self.ports.require_free(component, planned.ports)
            await planned.prepare()
            self.plan.give_state(component)
            for command in planned.commands():
                command = replace(command, account=command.account or self.plan.users.account(component))
                self._children.setdefault(component, []).append(process.spawn(command, detached=self.detached))
                self._ledger.record(component, self._children[component])
        except Exception as error:
            raise StartFailed(component, str(error), self.layout.log(component)) from error
        if wait:
            await self._wait_for(planned)

    async def stop(self, component: str) -> None:
        """Ask a component to stop; kill it after STOP_LIMIT seconds."""
        await self._end(component, stop=True)

    async def kill(self, component: str) -> None:
        """SIGKILL a component by pid and reap it."""
        await self._end(component, stop=False)

    def send(self, component: str, number: signal.Signals) -> None:
        """Send a signal to a component, such as SIGSTOP to make it hang and SIGCONT to resume it."""
        process.send(self._children[component][-1], number)

    async def _start_store(self, component: str) -> None:
        await self._start_if_planned(component)
        if component == "postgres":
            await self.plan.bootstrap_database()

    async def _start_if_planned(self, component: str) -> None:
        if component in self.plan.components:
            await self.start(component)

    async def _start_in_order(self, *components: str) -> None:
        for component in components:
            await self._start_if_planned(component)

    async def _start_services(self, stores: Iterable[asyncio.Task[None]]) -> None:
        await asyncio.gather(*stores)
        await asyncio.gather(*(self._start_if_planned(service) for service in NAMES))

    async def _wait_for(self, component: Component) -> None:
        async def settled() -> bool:
            return not self.running(component.name) or await component.ready()

        answered = await until(settled, START_LIMIT)
        self._require_running(component.name)
        if not answered:
            raise StartFailed(component.name, f"not ready after {START_LIMIT:.0f} s", self.layout.log(component.name))

    async def _wait_for_health(self) -> None:
        """Wait until the edge reports the platform healthy. Skipped unless all components are started or external."""
        if set(self.plan.components) | self.plan.outside < set(COMPONENTS):
            return

        async def healthy() -> bool:
            for component in self.plan.components:
                self._require_running(component)
            return await http(f"{self.edge_url}/api/health", timeout=10) == 200

        if not await until(healthy, HEALTH_LIMIT):
            status = await http(f"{self.edge_url}/api/health", timeout=10)
            raise StartFailed(
                "envoy",
                f"GET /api/health still returns {status or 'no answer'} after {HEALTH_LIMIT:.0f} s",
                self.layout.log("gateway"),
            )
        self.versions = await read_versions(self.edge_url, admin_socket(self.layout))

    def _require_running(self, component: str) -> None:
        if not self.running(component):
            codes = [child.exit_code() for child in self._children.get(component, []) if not child.alive()]
            raise StartFailed(
                component, f"it exited with code {', '.join(map(str, codes)) or 'unknown'}", self.layout.log(component)
            )

    async def _end(self, component: str, *, stop: bool) -> None:
        children = self._children.pop(component, [])
        for child in reversed(children):
            await (process.stop(child, STOP_LIMIT) if stop else process.kill(child))
        self._ledger.forget(component)


async def end_all(ledger: Ledger) -> None:
    """Stop every process in the ledger, in order. A pid that another process has taken over is left alone."""

    async def end(component: str) -> None:
        for child in reversed(ledger.components[component]):
            await process.stop(child, STOP_LIMIT)
        ledger.forget(component)

    ledger.up = False
    for rank in STOP_ORDER:
        await asyncio.gather(*(end(component) for component in rank if component in ledger.components))
    sockets.remove_outside(ledger.path.parent.resolve())


def first_of(error: BaseException) -> BaseException:
    """Return the first error of an exception group, since parallel starts fail as a group."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
