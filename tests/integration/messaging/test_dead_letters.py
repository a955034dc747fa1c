"""The operators' command for dead letters: neither reading nor a killed replay loses a letter."""

import asyncio
import os
import signal
import sys

import pytest_asyncio

from chassis.events import broker, dead_letters
from chassis.storage.database import Connection
from fairdb.events.v1.event_pb2 import Event
from tests.integration.messaging.conftest import SUBJECT, Bench, publish, queue_length
from tests.waiting import eventually

LETTERS = 300


class Fixable:
    """A handler that fails while `broken` is true."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.broken = True

    async def handle(self, connection: Connection, event: Event) -> None:
        if self.broken:
            raise LookupError("donor 7")
        await self.bench.see(connection, event)


@pytest_asyncio.fixture
async def fixable(bench: Bench) -> Fixable:
    fixable = Fixable(bench)
    await bench.start_consumer("test.a", fixable.handle)
    bench.start_relay()
    return fixable


async def start(bench: Bench, *words: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "chassis.events.dead_letters", *words),
        env={**os.environ, "FAIRDB_BROKER_URL": bench.url},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def run(bench: Bench, *words: str) -> tuple[int | None, str]:
    process = await start(bench, *words)
    out, err = await process.communicate()
    return process.returncode, out.decode() + err.decode()


async def test_reading_shows_letters_and_removes_none(bench: Bench, fixable: Fixable) -> None:
    events = await bench.record(count=3)
    await bench.dead("test.a", 3)

    for _ in range(2):
        letters = await dead_letters.show(bench.url, "test.a")
        assert sorted(letter.id for letter in letters) == sorted(event.id for event in events)
        assert {(letter.subject, letter.error) for letter in letters} == {(SUBJECT, "LookupError")}
    assert await dead_letters.count(bench.url) == {"test.a": 3}
    code, shown = await run(bench, "show", "--id", events[0].id)
    assert code == 0
    assert events[0].id in shown
    assert events[1].id not in shown
    assert "donor 7" not in shown
    code, shown = await run(bench, "show", "nobody")
    assert code == 1
    assert shown.startswith("dead_letters: no consumer has a queue 'nobody'")


async def test_replay_sends_letters_to_their_own_consumer_only(bench: Bench, fixable: Fixable) -> None:
    other: list[str] = []

    async def see_too(connection: Connection, event: Event) -> None:
        other.append(event.id)

    await bench.start_consumer("test.b", see_too)
    first, second, third = await bench.record(count=3)
    await bench.dead("test.a", 3)
    fixable.broken = False

    assert await run(bench, "replay", "test.a", "--id", second.id) == (0, "test.a: 1 replayed\n")
    await bench.sees(second)
    await bench.dead("test.a", 2)
    code, printed = await run(bench, "replay")
    assert (code, sorted(printed.splitlines())) == (0, ["test.a: 2 replayed", "test.b: 0 replayed"])
    await bench.sees(first, second, third)
    assert sorted(other) == sorted([first.id, second.id, third.id])
    assert (await run(bench, "replay", "test.a"))[0] == 1


async def test_replayed_letter_gets_all_attempts_again(bench: Bench, fixable: Fixable) -> None:
    await bench.record()
    await bench.dead("test.a", 1)

    await dead_letters.replay(bench.url, "test.a")
    await bench.dead("test.a", 1)

    (letter,) = await dead_letters.show(bench.url, "test.a")
    assert letter.attempts == 4


async def test_message_that_is_not_an_event_can_be_shown(bench: Bench, fixable: Fixable) -> None:
    await publish(bench.url, b"\xff [red]not an event")
    await bench.dead("test.a", 1)

    code, shown = await run(bench, "show", "test.a")

    assert code == 0
    assert "DecodeError" in shown


async def test_killed_replay_loses_nothing(bench: Bench, fixable: Fixable) -> None:
    events = await bench.record(count=LETTERS)
    await bench.dead("test.a", LETTERS)
    fixable.broken = False

    process = await start(bench, "replay", "test.a")

    async def in_progress() -> bool:
        return await queue_length(bench.url, broker.dead_name("test.a")) < LETTERS - 5

    await eventually(in_progress)
    process.send_signal(signal.SIGKILL)
    await process.communicate()
    assert process.returncode == -signal.SIGKILL

    async def replayed() -> bool:
        # Repeat the replay: the broker returns the killed process's letter only when it notices the lost connection.
        await dead_letters.replay(bench.url, "test.a")
        return len(bench.seen) >= LETTERS

    await eventually(replayed)
    await bench.sees(*events)
    await bench.dead("test.a", 0)
