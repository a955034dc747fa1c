"""Components of an import: row keys, the spool, admission, the message stream."""

import asyncio
import errno
import io
import tempfile
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import pytest

from chassis.errors import DeadlineExceeded
from fairdb.samples.v1 import import_service_pb2 as pb
from fairdb.samples.v1.sample_pb2 import RawSample
from gateway.imports import stream
from gateway.imports.admission import Admission
from gateway.imports.pace import Pace
from gateway.imports.spool import Spool
from gateway.imports.stream import Messages
from gateway.samples.idempotency import Fingerprints

FINGERPRINTS = Fingerprints(b"k" * 32)


def keys_of(organisms: str, account: str = "a", fingerprints: Fingerprints = FINGERPRINTS) -> list[bytes]:
    seen = Counter[int]()
    samples = [RawSample(organism=organism, metadata={}) for organism in organisms]
    return [fingerprints.claim_content("method", account, sample, seen).key_hash for sample in samples]


def test_equal_rows_have_different_keys_that_repeat_when_sent_again() -> None:
    keys = keys_of("xyxx")
    assert len(set(keys)) == 4
    assert keys_of("xyxx") == keys
    # Fixing a row changes only its own key.
    assert [old == new for old, new in zip(keys, keys_of("xzxx"), strict=True)] == [True, False, True, True]


def test_keys_depend_on_the_account_and_on_the_secret() -> None:
    assert not set(keys_of("x")) & {*keys_of("x", "b"), *keys_of("x", fingerprints=Fingerprints(b"o" * 32))}


def test_key_does_not_depend_on_the_order_of_metadata() -> None:
    first, second = RawSample(organism="x"), RawSample(organism="x")
    for name in "abc":
        first.metadata[name].string_value = name
    for name in "cab":
        second.metadata[name].string_value = name
    claims = [FINGERPRINTS.claim_content("method", "a", sample, Counter()) for sample in (first, second)]
    assert claims[0] == claims[1]


async def drain(spool: Spool) -> bytes:
    found = b""
    while (piece := await spool.take()) is not None:
        found += piece
    return found


@pytest.mark.parametrize("in_memory", [0, 10, 1_000_000])
async def test_spool_returns_whole_answers_in_order(in_memory: int) -> None:
    spool = Spool(in_memory)
    expected = taken = b""
    for number in range(5_000):
        piece = b"%d;" % number
        spool.put(piece)
        expected += piece
        if number % 700 == 0:
            part = await spool.take()
            assert part is not None
            assert part.endswith(b";")
            taken += part
    spool.end()
    assert taken + await drain(spool) == expected
    assert await spool.take() is None
    spool.close()


async def test_spool_limits_its_memory() -> None:
    spool = Spool(1_000)
    for _ in range(10_000):
        spool.put(b"x" * 100)
        assert sum(map(len, spool._answers)) <= 1_000
    spool.end()
    assert len(await drain(spool)) == 1_000_000
    spool.close()


async def test_spool_has_no_room_while_its_file_exceeds_the_limit() -> None:
    spool = Spool(10, 100)
    for _ in range(10):
        await spool.has_room()
        spool.put(b"x" * 11)
    waiting = asyncio.create_task(spool.has_room())
    await settle()
    assert not waiting.done()
    # There is room again after the whole file has been read.
    for _ in range(10):
        assert not waiting.done()
        await spool.take()
    await waiting
    spool.end()
    await drain(spool)
    spool.close()


async def test_spool_file_stays_within_the_limit_behind_a_slow_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    disk = Disk()
    monkeypatch.setattr(tempfile, "TemporaryFile", lambda buffering: disk)
    spool, longest = Spool(10, 100), 0
    for number in range(1_000):
        while not spool._room.is_set():
            await spool.take()
        spool.put(b"x" * 11)
        longest = max(longest, len(disk.getvalue()))
        if number % 2:
            await spool.take()
    assert 100 < longest <= 111


class Disk(io.BytesIO):
    """A file that accepts a few bytes per write, until `room` bytes are used."""

    room = 1 << 30

    def write(self, data: Any, /) -> int:
        taken = min(len(data), 7, self.room)
        if not taken:
            raise OSError(errno.ENOSPC, "full")
        self.room -= taken
        return super().write(data[:taken])


async def test_partial_writes_and_a_full_disk_lose_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    disk = Disk()
    monkeypatch.setattr(tempfile, "TemporaryFile", lambda buffering: disk)
    spool = Spool(30)
    expected = b""
    for number in range(100):
        spool.put(piece := b"%09d;" % number)
        expected += piece
    disk.room = 10
    pieces = [b"%09d;" % number for number in range(100, 104)]
    for piece in pieces[:3]:
        spool.put(piece)
    with pytest.raises(OSError, match="full"):
        spool.put(pieces[3])
    expected += b"".join(pieces)
    spool.end()
    assert await drain(spool) == expected


async def test_take_waits_for_an_answer_or_the_end() -> None:
    spool = Spool()
    taking = asyncio.create_task(spool.take())
    await asyncio.sleep(0)
    assert not taking.done()
    spool.put(b"x")
    assert await taking == b"x"
    ending = asyncio.create_task(spool.take())
    await asyncio.sleep(0)
    spool.end()
    assert await ending is None


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_admission_limits_rows_and_bytes() -> None:
    admission, inside = Admission(3, 100), list[int]()

    async def enter(size: int) -> None:
        await admission.enter(size)
        inside.append(size)

    waiting = [asyncio.create_task(enter(size)) for size in (10, 60, 40, 10, 100, 1)]
    await settle()
    assert inside == [10, 60]
    admission.leave(10)
    await settle()
    assert inside == [10, 60, 40]
    admission.leave(60)
    await settle()
    assert inside == [10, 60, 40, 10]
    # A row as large as the limit waits until no other row is in progress. Later rows wait behind it.
    admission.leave(40)
    await settle()
    assert inside[-1] == 10
    admission.leave(10)
    await settle()
    assert inside[-1] == 100
    admission.leave(100)
    await asyncio.gather(*waiting)
    assert inside[-1] == 1


async def test_cancelled_wait_for_admission_takes_no_room() -> None:
    admission = Admission(1, 100)
    await admission.enter(1)
    first, second = asyncio.create_task(admission.enter(1)), asyncio.create_task(admission.enter(1))
    await settle()
    first.cancel()
    await settle()
    admission.leave(1)
    await second
    # Cancel the wait at the moment when the row is admitted: the row must give its room back.
    third = asyncio.create_task(admission.enter(1))
    await settle()
    admission.leave(1)
    third.cancel()
    await settle()
    await admission.enter(1)


async def test_stream_without_a_first_message_times_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "FIRST_SECONDS", 0.0)

    async def silence() -> AsyncIterator[pb.ImportFileRequest]:
        await asyncio.Event().wait()
        yield pb.ImportFileRequest()

    messages = Messages(silence(), Pace())
    with pytest.raises(DeadlineExceeded):
        await messages.first()
    await messages.aclose()


async def test_message_of_a_cancelled_read_goes_to_the_next_reader() -> None:
    sent: asyncio.Queue[pb.ImportFileRequest] = asyncio.Queue()

    async def stream() -> AsyncIterator[pb.ImportFileRequest]:
        for _ in range(2):
            yield await sent.get()

    messages = Messages(stream(), Pace())
    sent.put_nowait(pb.ImportFileRequest(organism="first"))
    assert (await messages.first()).organism == "first"
    assert (await anext(messages)).organism == "first"
    waiting = asyncio.create_task(anext(messages))  # pyright: ignore[reportArgumentType]
    await settle()
    waiting.cancel()
    await settle()
    sent.put_nowait(pb.ImportFileRequest(organism="second"))
    assert [message.organism async for message in messages] == ["second"]
