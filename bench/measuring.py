"""Measuring: one run of a variant, with the CPU it took, and everything it left behind counted."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TypeVar

import asyncpg

from bench import counting, machine
from bench.counting import Events, Tally
from bench.figures import Figure
from bench.lines import Lines
from bench.load import Target, closed_loop, open_loop
from bench.stage import SHARED, Stage
from bench.variants import Variant

Result = TypeVar("Result")


@dataclass(frozen=True)
class Cost:
    """CPU seconds of a run, and the seconds it took after the last answer until all was done."""

    own: float
    postgres: float
    rabbitmq: float
    settle_seconds: float


@dataclass
class Meter:
    """Measures a variant that runs."""

    stage: Stage
    variant: Variant
    lines: Lines
    repetition: int
    token: str
    connection: asyncpg.Connection | None
    events: Events | None

    async def closed(self, method: str, connections: int, seconds: float) -> Figure:
        """Measure a closed loop. Raises LoadFailed, CountMismatch."""
        target = Target(self.variant.url, self.token, method, self.lines.next(method, self.variant.name))
        run, cost = await self.costed(
            lambda: closed_loop(target, connections, seconds), lambda run: run.answered * (method == "POST")
        )
        return Figure(
            self.repetition,
            self.variant.name,
            "post" if method == "POST" else "get",
            connections,
            run.rate,
            run.p50_ms,
            run.p99_ms,
            *(1e6 * part / run.answered for part in (cost.own, cost.postgres, cost.rabbitmq)),
            answered=run.answered,
            settle_seconds=cost.settle_seconds,
        )

    async def open(self, method: str, rate: int, seconds: float) -> Figure:
        """Measure an open loop. Raises LoadFailed, CountMismatch."""
        target = Target(self.variant.url, self.token, method, self.lines.next(method, self.variant.name))
        run, cost = await self.costed(
            lambda: open_loop(target, rate, seconds), lambda run: run.answered * (method == "POST")
        )
        return Figure(
            self.repetition,
            self.variant.name,
            "post open" if method == "POST" else "get open",
            rate,
            None,
            run.p50_ms,
            run.p99_ms,
            answered=run.answered,
            dropped=run.dropped,
            settle_seconds=cost.settle_seconds,
        )

    async def costed(
        self, run: Callable[[], Awaitable[Result]], created: Callable[[Result], int]
    ) -> tuple[Result, Cost]:
        """Run, wait until all is done, and count it."""
        before = await self._prepare()
        began = self._cpu()
        result = await run()
        settled = 0.0
        if before is not None and self.connection is not None and self.events is not None:
            assert self.variant.expected is not None
            settled = await counting.settle(
                self.connection, self.variant.expected, self.events, before, created(result)
            )
        own, postgres, rabbitmq = (now - then for now, then in zip(self._cpu(), began, strict=True))
        return result, Cost(own, postgres, rabbitmq, settled)

    async def _prepare(self) -> Tally | None:
        if self.connection is None or self.events is None or self.variant.expected is None:
            return None
        # Every run begins with nothing to write out: else a checkpoint falls on one variant by chance.
        await self.connection.execute("CHECKPOINT")
        await self.events.forget()
        return await counting.tally(self.connection, self.variant.expected)

    def _cpu(self) -> tuple[float, float, float]:
        constellation = self.stage.constellation
        postgres, rabbitmq = (machine.cpu_seconds([constellation.pid(part)]) for part in SHARED)
        return machine.cpu_seconds(self.variant.roots()), postgres, rabbitmq


@asynccontextmanager
async def metering(stage: Stage, variant: Variant, lines: Lines, repetition: int) -> AsyncIterator[Meter]:
    """Start a variant and give its meter; stop it whatever happens."""
    async with AsyncExitStack() as stack:
        stack.push_async_callback(variant.stop)
        await variant.start()
        connection = events = None
        if variant.expected is not None:
            connection = await stack.enter_async_context(stage.connection(variant.database))
            exchange = variant.expected.exchange
            # The platform has queues of its own.
            durable = variant.database.startswith("bench")
            events = await stack.enter_async_context(counting.listening(stage.broker_url, exchange, durable=durable))
        yield Meter(stage, variant, lines, repetition, await variant.token(), connection, events)
