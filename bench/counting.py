"""Counting: checks that the rows in PostgreSQL and the events at the broker match the answers of a run."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aio_pika
import asyncpg
from aio_pika.abc import AbstractChannel, AbstractQueue
from pamqp.common import Arguments

from backend_svc.lifecycle.consumers import CONSUMED

SETTLE_SECONDS = 300  # when an import of 100,000 rows ends, a fifth of the samples is not indexed yet


class CountMismatch(Exception):
    """The number of samples, audit rows or events after a run differs from the number that its answers imply."""


@dataclass(frozen=True)
class Expectation:
    """The rows and events that one creation produces in a variant, and how to count them.

    `query` returns the number of samples, of audit rows, and of unfinished items: events not yet published, samples
    not yet indexed or notified, sagas that have not ended.
    """

    query: str
    exchange: str
    audits: int
    events: tuple[str, ...]
    """The event types."""


@dataclass(frozen=True)
class Tally:
    """The counts at one moment."""

    samples: int
    audits: int
    pending: int


class Events:
    """Queues that receive a variant's events of samples, to be counted."""

    def __init__(self, channel: AbstractChannel, queues: Sequence[AbstractQueue]) -> None:
        self._channel, self._queues = channel, queues

    async def forget(self) -> None:
        """Purge the queues."""
        for queue in self._queues:
            await queue.purge()

    async def count(self) -> int:
        """Return how many events have arrived since the queues were purged."""
        declared = [await self._channel.declare_queue(queue.name, passive=True) for queue in self._queues]
        return sum(queue.declaration_result.message_count or 0 for queue in declared)


@asynccontextmanager
async def listening(broker_url: str, expected: Expectation, *, durable: bool) -> AsyncIterator[Events]:
    """Count the events that creations publish.

    `durable`: put the events that the platform's consumers receive into a quorum queue, as the platform does. Set it
    for the variants without consumers, so that the broker's confirms cost them as much as the platform. The platform
    has such queues itself, and counting must add little to its cost.
    """
    async with await aio_pika.connect(broker_url) as connection:
        channel = await connection.channel()
        topic = await channel.declare_exchange(expected.exchange, aio_pika.ExchangeType.TOPIC, durable=True)
        queues = [await channel.declare_queue(f"count.{expected.exchange}", exclusive=True)]
        if durable:
            quorum: Arguments = {"x-queue-type": "quorum"}
            queues.append(await channel.declare_queue(f"consume.{expected.exchange}", durable=True, arguments=quorum))
        for type in expected.events:
            await queues[-1 if type in CONSUMED else 0].bind(topic, routing_key=type)
        try:
            yield Events(channel, queues)
        finally:
            for queue in queues:
                await queue.delete(if_unused=False, if_empty=False)


async def tally(connection: asyncpg.Connection, expected: Expectation) -> Tally:
    """Count."""
    row = await connection.fetchrow(expected.query)
    assert row is not None
    return Tally(*row)


async def settle(
    connection: asyncpg.Connection, expected: Expectation, events: Events, before: Tally, answered: int
) -> float:
    """Wait until a run's work is finished; return the seconds waited. Raises CountMismatch if anything is missing."""
    began = time.monotonic()
    wanted = answered * len(expected.events)
    while True:
        now = await tally(connection, expected)
        came = await events.count()
        waited = time.monotonic() - began
        if (not now.pending and came >= wanted) or waited > SETTLE_SECONDS:
            break
        await asyncio.sleep(0.05)
    differences = {
        "samples": (now.samples - before.samples, answered),
        "audit rows": (now.audits - before.audits, answered * expected.audits),
        "events": (came, wanted),
        "unfinished items": (now.pending, 0),
    }
    if wrong := [f"{has} {what} instead of {should}" for what, (has, should) in differences.items() if has != should]:
        raise CountMismatch(f"after {answered} answers: {', '.join(wrong)}")
    return waited
