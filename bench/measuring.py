"""Measuring: runs a variant once, measures its CPU, and counts the rows and events that it produced."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, astuple, dataclass, replace
from typing import Literal, Protocol, TypeVar

import asyncpg

from bench import counting, machine
from bench.counting import Events, Tally
from bench.figures import Figure, What
from bench.lines import Lines
from bench.load import Target, closed_loop, open_loop
from bench.patience import wait_until_quiet
from bench.stage import SHARED, Stage
from bench.variants import Variant

Method = Literal["POST", "GET"]


@dataclass(frozen=True)
class Usage:
    """CPU seconds so far of the variant, the shared servers, the load generators and the whole machine, and the seconds
    in which cores were idle while a process waited for the disk."""

    own: float
    postgres: float
    rabbitmq: float
    load: float
    machine: float
    disk: float


@dataclass(frozen=True)
class Cost:
    """CPU microseconds per request, the shares of other programs and of the disk, and the seconds until all is done."""

    cpu_us: float
    postgres_us: float
    rabbitmq_us: float
    others: float
    disk: float
    settle_seconds: float


class Run(Protocol):
    """The figures that a load generator reports."""

    @property
    def answered(self) -> int: ...


AnyRun = TypeVar("AnyRun", bound=Run)


@dataclass
class Meter:
    """Measures a running variant."""

    stage: Stage
    variant: Variant
    lines: Lines
    patience: float
    repetition: int
    token: str
    connection: asyncpg.Connection | None
    events: Events | None

    async def closed(self, method: Method, connections: int, seconds: float) -> Figure:
        """Measure a closed loop. Raises LoadFailed, CountMismatch."""
        run, cost = await self.costed(
            lambda: closed_loop(self._target(method), connections, seconds), creates=method == "POST"
        )
        what = "post" if method == "POST" else "get"
        return self.figure(what, connections, run.rate, run.p50_ms, run.p99_ms, run.answered, cost)

    async def open(self, method: Method, rate: int, seconds: float) -> Figure:
        """Measure an open loop. Raises LoadFailed, CountMismatch."""
        run, cost = await self.costed(lambda: open_loop(self._target(method), rate, seconds), creates=method == "POST")
        what = "post open" if method == "POST" else "get open"
        figure = self.figure(what, rate, None, run.p50_ms, run.p99_ms, run.answered, cost)
        return replace(figure, dropped=run.dropped)

    def figure(
        self, what: What, load: int, rate: float | None, p50_ms: float, p99_ms: float, answered: int, cost: Cost
    ) -> Figure:
        """Return the figure of a run."""
        return Figure(self.repetition, self.variant.name, what, load, rate, p50_ms, p99_ms, answered, **asdict(cost))

    async def costed(self, run: Callable[[], Awaitable[AnyRun]], *, creates: bool) -> tuple[AnyRun, Cost]:
        """Run the load, wait until all its work is finished, and count the results."""
        await wait_until_quiet(self.patience)
        before = await self._prepare()
        clock, usage = time.monotonic(), self._usage()
        result = await run()
        settled = 0.0
        if before is not None and self.connection is not None and self.events is not None:
            assert self.variant.expected is not None
            created = result.answered if creates else 0
            settled = await counting.settle(self.connection, self.variant.expected, self.events, before, created)
        seconds = time.monotonic() - clock
        now = self._usage()
        own, postgres, rabbitmq, load, busy, disk = (
            after - earlier for after, earlier in zip(astuple(now), astuple(usage), strict=True)
        )
        capacity = seconds * machine.cores()
        others = round(max(busy - own - postgres - rabbitmq - load, 0.0) / capacity, 3)
        each = 1e6 / result.answered
        waited = round(disk / capacity, 3)
        return result, Cost(own * each, postgres * each, rabbitmq * each, others, waited, settled)

    def _target(self, method: Method) -> Target:
        return Target(self.variant.url, self.token, method, self.lines.next(method, self.variant.name))

    async def _prepare(self) -> Tally | None:
        if self.connection is None or self.events is None or self.variant.expected is None:
            return None
        await self.events.forget()
        return await counting.tally(self.connection, self.variant.expected)

    def _usage(self) -> Usage:
        constellation = self.stage.constellation
        postgres, rabbitmq = (machine.cpu_seconds([constellation.pid(name)]) for name in SHARED)
        own = machine.cpu_seconds(self.variant.roots())
        return Usage(own, postgres, rabbitmq, machine.own_seconds(), machine.busy_seconds(), machine.disk_seconds())


@asynccontextmanager
async def metering(
    stage: Stage, variant: Variant, lines: Lines, patience: float, repetition: int
) -> AsyncIterator[Meter]:
    """Start a variant and yield its meter; always stop it."""
    async with AsyncExitStack() as stack:
        # Force a checkpoint before each variant, so that it does not pay for the writes of the previous one. Do
        # not force one during its runs: on a busy disk it delays every commit for seconds.
        async with stage.connection("postgres") as maintenance:
            await maintenance.execute("CHECKPOINT")
        stack.push_async_callback(variant.stop)
        await variant.start()
        connection = events = None
        if variant.expected is not None:
            connection = await stack.enter_async_context(stage.connection(variant.database))
            # No quorum queue for the platform: it has its own.
            durable = variant.database.startswith("bench")
            listening = counting.listening(stage.broker_url, variant.expected, durable=durable)
            events = await stack.enter_async_context(listening)
        yield Meter(stage, variant, lines, patience, repetition, await variant.token(), connection, events)
