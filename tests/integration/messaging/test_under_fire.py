"""Relay and broker are killed: no event is lost or takes effect twice, and each subject's events stay in order."""

import asyncio
import os
import random
import signal
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from itertools import islice
from pathlib import Path
from uuid import UUID

import pytest

from chassis.events import broker, outbox
from chassis.storage.database import Connection
from deploy.local.constellation import Constellation
from fairdb.events.v1.event_pb2 import Event
from tests.integration.messaging.conftest import DELAYS, INDEXED, Bench, holds, queue_length
from tests.waiting import eventually

PER_SUBJECT = 10
TRANSACTION = 20
AHEAD = 200
"""The maximum number of events by which the writer is ahead of the consumer. It is large enough to keep writing during
an outage, but smaller than the number of events between two kills. Events written after the first kill are therefore
published before the second kill."""

# `effect` and `change` have no unique constraint, because it could hide an event that takes effect twice.
TABLES = """
CREATE TABLE effect (event_id uuid NOT NULL);
CREATE TABLE subject (id uuid PRIMARY KEY, sequence int NOT NULL);
CREATE TABLE change (position bigserial, subject uuid NOT NULL, sequence int NOT NULL);
"""
EFFECT = "INSERT INTO effect VALUES ($1)"
# An older event changes nothing, because the update checks the sequence. Real consumers check the sample's state.
ADVANCE = """
INSERT INTO subject VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET sequence = excluded.sequence
WHERE subject.sequence < excluded.sequence RETURNING id
"""
CHANGE = "INSERT INTO change (subject, sequence) VALUES ($1, $2)"
COUNT = "SELECT count(*) FROM effect"
DISTINCT = "SELECT count(DISTINCT event_id) FROM effect"
BACKWARDS = """
SELECT count(*) FROM (
    SELECT sequence <= lag(sequence) OVER (PARTITION BY subject ORDER BY position) AS backwards FROM change
) AS changes WHERE backwards
"""
# Whether the relay is publishing: it locks the rows that it publishes.
IN_FLIGHT = """
SELECT count(*) > (SELECT count(*) FROM (SELECT FROM outbox FOR UPDATE SKIP LOCKED) AS free) FROM outbox
"""
UNFINISHED = "SELECT count(*) FROM subject WHERE sequence <> $1"


async def apply(connection: Connection, event: Event) -> None:
    await connection.execute(EFFECT, UUID(event.id))
    if await connection.fetchval(ADVANCE, UUID(event.subject), event.sequence) is not None:
        await connection.execute(CHANGE, UUID(event.subject), event.sequence)


class Flaky:
    """Applies every event. Raises after that, once each, for one event in a hundred."""

    def __init__(self) -> None:
        self.calls = 0
        self.failed: set[str] = set()

    async def __call__(self, connection: Connection, event: Event) -> None:
        self.calls += 1
        await apply(connection, event)
        if UUID(event.id).int % 100 == 0 and event.id not in self.failed:
            self.failed.add(event.id)
            raise RuntimeError("the first time")


def make_events(count: int) -> Iterator[Event]:
    """Yield the first event of each subject, then the second of each, a hundred subjects at a time."""
    for start in range(0, count // PER_SUBJECT, 100):
        subjects = range(start, min(start + 100, count // PER_SUBJECT))
        for sequence in range(1, PER_SUBJECT + 1):
            for subject in subjects:
                yield outbox.new_event(INDEXED, str(UUID(int=subject)), sequence)


class Writer:
    """Records events, a few in each transaction. Stays at most `ahead` events ahead of the consumer."""

    def __init__(self, bench: Bench, count: int) -> None:
        self.bench = bench
        self.count = count
        self.ahead = AHEAD

    async def run(self) -> None:
        events, written = make_events(self.count), 0

        async def not_too_far_ahead() -> bool:
            return written < await self.bench.database.fetchval(COUNT) + self.ahead

        while batch := list(islice(events, TRANSACTION)):
            await eventually(not_too_far_ahead, within=120)
            async with self.bench.database.transaction() as connection:
                await outbox.record(connection, batch)
            written += len(batch)


class RelayProcess:
    """A relay that can be killed and replaced."""

    def __init__(self, bench: Bench) -> None:
        self.env = {**os.environ, "FAIRDB_DATABASE_URL": bench.database_url, "FAIRDB_BROKER_URL": bench.url}
        self.process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        program = str(Path(__file__).parent / "relay_process.py")
        self.process = await asyncio.create_subprocess_exec(
            sys.executable, program, env=self.env, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.DEVNULL
        )

    async def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        await self.process.communicate()


@asynccontextmanager
async def relay_of(bench: Bench) -> AsyncIterator[RelayProcess]:
    relay = RelayProcess(bench)
    await relay.start()
    try:
        yield relay
    finally:
        await relay.kill()


async def survive(bench: Bench, rabbitmq: Constellation, count: int, victims: str) -> None:
    """Process `count` events. At even intervals, kill the next of `victims`: "r" is the relay, "b" the broker."""
    started = time.time()
    flaky = Flaky()
    await bench.database.execute(TABLES)
    await bench.start_consumer("test.a", flaky)
    # The broker saves its list of quorum queues half a second after it creates one. A kill before that loses the queue.
    await eventually(holds(lambda: started < saved_at(rabbitmq) < time.time() - 1.0))

    async with relay_of(bench) as relay:
        writer = Writer(bench, count)
        writing = asyncio.create_task(writer.run())
        for number, victim in enumerate(victims, start=1):
            mark = number * count // (len(victims) + 1) + random.randrange(100)

            async def reached(mark: int = mark) -> bool:
                return await bench.database.fetchval(COUNT) >= mark

            await eventually(reached, within=120)
            if victim == "r":
                await relay.kill()
                await relay.start()
            else:
                # Suspend the broker before killing it, so that the relay has sent events that are never confirmed.
                rabbitmq.send("rabbitmq", signal.SIGSTOP)
                writer.ahead += 2 * TRANSACTION
                try:
                    await eventually(lambda: bench.database.fetchval(IN_FLIGHT))
                finally:
                    # Kill the broker even after a failure: a normal stop of a suspended broker would wait forever.
                    await rabbitmq.kill("rabbitmq")
                await rabbitmq.start("rabbitmq")
        await writing

        async def all_arrived() -> bool:
            return await bench.database.fetchval(DISTINCT) >= count and await bench.pending() == 0

        await eventually(all_arrived, within=120)

    # Wait until repeated deliveries have been handled, and only then count effects.
    async def empty() -> bool:
        names = ("test.a", *(broker.retry_name("test.a", delay) for delay in DELAYS))
        return not any([await queue_length(bench.url, name) for name in names])

    await eventually(empty)
    assert await bench.database.fetchval(COUNT) == await bench.database.fetchval(DISTINCT) == count
    assert await bench.database.fetchval(BACKWARDS) == 0
    assert await bench.database.fetchval(UNFINISHED, PER_SUBJECT) == 0
    assert await queue_length(bench.url, broker.dead_name("test.a")) == 0
    assert flaky.failed, "no event failed, so the retry queues were not tested"


def saved_at(rabbitmq: Constellation) -> float:
    """Return the Unix time at which the broker last saved its list of quorum queues."""
    (directory,) = rabbitmq.layout.root.rglob("quorum/*/names.dets")
    return directory.stat().st_mtime


async def test_three_kills(bench: Bench, rabbitmq: Constellation) -> None:
    await survive(bench, rabbitmq, 2_000, "rbr")


@pytest.mark.soak
@pytest.mark.timeout(600)
async def test_ten_kills(bench: Bench, rabbitmq: Constellation) -> None:
    await survive(bench, rabbitmq, 20_000, "rrbrrbrrbr")
