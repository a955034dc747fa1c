"""An import: what it begins, what it waits for, and what stops it."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from typing import Any, cast

import pytest

from chassis import call_context
from chassis.call_context import Call, Caller
from chassis.errors import (
    AppError,
    DeadlineExceeded,
    InvalidRequest,
    MalformedRequest,
    ServiceUnavailable,
    TokenRevoked,
)
from fairdb.samples.v1 import import_service_pb2 as pb
from fairdb.samples.v1.sample_pb2 import RawSample
from gateway.imports import importing, slow_reader
from gateway.imports.errors import Overloaded, RowNotJson
from gateway.imports.importing import Importing
from gateway.imports.rows import Item, Row
from gateway.samples.creation import Creation, Identified
from gateway.samples.idempotency import Fingerprints
from tests.waiting import counting_turns

# A day: it begins when the tests are collected, and others may come first.
CALLER = Caller(user_id="11111111-1111-4111-8111-111111111111", token_id="t", token_expires=time.time() + 86_400)


class Creations:
    """Creates samples as `create` says, and counts."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.ended: list[str] = []
        self.at_once = self.most_at_once = 0
        self.looked_first: list[bool] = []
        self.create: Callable[[str], Any] = lambda organism: asyncio.sleep(0)

    async def identify(self, principal: object, raw: RawSample, claim: object, *, look_first: bool) -> Identified:
        organism = raw.organism
        self.begun.append(organism)
        self.looked_first.append(look_first)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            repeated = await self.create(organism)
        finally:
            self.at_once -= 1
        self.ended.append(organism)
        return Identified(f"id of {organism}", bool(repeated))


class Tokens:
    """The revocation list."""

    def __init__(self) -> None:
        self.revoked = False
        self.away = 0

    async def check(self, caller: Caller) -> None:
        if self.away:
            self.away -= 1
            raise ServiceUnavailable
        if self.revoked:
            raise TokenRevoked


class Rig:
    def __init__(self, at_once: int = 1) -> None:
        self.creations, self.tokens = Creations(), Tokens()
        self.importing = Importing(
            cast(Creation, self.creations), Fingerprints(b"k" * 32), self.tokens, at_once=at_once
        )

    async def run(
        self, items: AsyncIterator[Item], rest: AsyncIterator[object] | None = None, caller: Caller = CALLER
    ) -> AsyncGenerator[bytes, None]:
        call_context.enter(Call(caller=caller))
        with self.importing.place():
            answers = self.importing.run(
                cast(AsyncGenerator[Item, None], items),
                rest or rows(),
                pb.ImportSamplesResponse.SerializeToString,
                ("", "of all"),
            )
            async with aclosing(answers):
                async for piece in answers:
                    yield piece

    async def answer(self, *items: Item) -> pb.ImportSamplesResponse:
        return await whole(self.run(rows(*items)))


async def whole(answers: AsyncGenerator[bytes, None]) -> pb.ImportSamplesResponse:
    async with aclosing(answers):
        return pb.ImportSamplesResponse.FromString(b"".join([piece async for piece in answers]))


async def rows(*items: Item) -> AsyncGenerator[Item, None]:
    for item in items:
        yield item


def row(organism: str = "", size: int = 1) -> Row:
    return Row(RawSample(subject="donor", organism=organism), "", size)


async def turns() -> None:
    """Let everything go on that can."""
    for _ in range(100):
        await asyncio.sleep(0)


def told(answer: pb.ImportSamplesResponse) -> list[str]:
    return [item.id or item.error.reason for item in answer.rows]


async def test_answers_come_in_order_whatever_order_the_rows_end_in() -> None:
    rig = Rig()

    async def create(organism: str) -> None:
        for _ in range(10 if organism == "slow" else 0):
            await asyncio.sleep(0)

    rig.creations.create = create
    answer = await rig.answer(row("slow"), row("quick"), RowNotJson(), row())
    assert rig.creations.ended[-1] == "slow"
    assert told(answer) == ["id of slow", "id of quick", "MALFORMED_REQUEST", "id of of all"]
    assert (answer.summary.rows, answer.summary.stored, answer.summary.refused) == (4, 3, 1)


async def test_only_so_many_rows_are_under_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "_AT_ONCE", 7)
    rig = Rig()
    await rig.answer(*(row(str(number)) for number in range(50)))
    assert rig.creations.most_at_once == 7


async def test_after_many_new_rows_no_earlier_one_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "_AT_ONCE", 1)
    monkeypatch.setattr(importing, "_NEW", 3)
    rig = Rig()

    async def create(organism: str) -> bool:
        return organism == "5"

    rig.creations.create = create
    answer = await rig.answer(*(row(str(number)) for number in range(10)))
    assert rig.creations.looked_first == [True] * 3 + [False] * 3 + [True] * 3 + [False]
    assert answer.summary.repeated == 1


@pytest.mark.parametrize("error", [ServiceUnavailable, DeadlineExceeded])
async def test_a_row_is_tried_again_while_a_part_is_away(
    error: type[AppError], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing, "_FIRST_PAUSE", 0.001)
    rig = Rig()

    async def create(organism: str) -> None:
        if len(rig.creations.begun) < 4:
            raise error

    rig.creations.create = create
    assert told(await rig.answer(row("a"))) == ["id of a"]


async def test_a_part_that_stays_away_stops_the_import(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "ROW_SECONDS", 0.0)
    monkeypatch.setattr(importing, "_AT_ONCE", 2)
    rig = Rig()

    async def create(organism: str) -> None:
        await asyncio.sleep(0)
        raise ServiceUnavailable

    rig.creations.create = create
    answer = await rig.answer(*(row(str(number)) for number in range(50)))
    assert answer.summary.stopped.reason == "SERVICE_UNAVAILABLE"
    assert len(answer.rows) == answer.summary.rows == answer.summary.refused < 50


@pytest.mark.parametrize("how", ["revoked", "expired"])
async def test_a_token_that_counts_no_more_stops_the_import(how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rig = Rig()
    left: list[object] = []

    async def items() -> AsyncIterator[Item]:
        yield row("before")
        if how == "revoked":
            rig.tokens.revoked = True
        else:
            monkeypatch.setattr(importing, "time", lambda: CALLER.token_expires)
        yield row("after")

    async def rest() -> AsyncIterator[object]:
        left.append("read")
        yield b""

    answer = await whole(rig.run(items(), rest()))
    assert rig.creations.begun == ["before"]
    assert told(answer) == ["id of before"]
    assert answer.summary.stopped.reason == ("TOKEN_REVOKED" if how == "revoked" else "UNAUTHENTICATED")
    # Who sends everything before they read must come to the reading.
    assert left == ["read"]


async def test_what_is_wrong_before_the_first_row_is_the_calls_own_error() -> None:
    rig = Rig()
    with pytest.raises(InvalidRequest):
        await rig.answer()

    async def broken() -> AsyncIterator[Item]:
        for item in [row("a")][len(rig.creations.begun) + 1 :]:
            yield item
        raise MalformedRequest

    with pytest.raises(MalformedRequest):
        await whole(rig.run(broken()))


async def test_what_is_wrong_later_stops_the_import_and_is_told() -> None:
    async def broken() -> AsyncIterator[Item]:
        yield row("a")
        raise MalformedRequest

    answer = await whole(Rig().run(broken()))
    assert told(answer) == ["id of a"]
    assert answer.summary.stopped.reason == "MALFORMED_REQUEST"


async def test_rows_beyond_the_last_are_not_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "MOST_ROWS", 3)
    rig = Rig()
    answer = await rig.answer(*(row(str(number)) for number in range(5)))
    assert rig.creations.begun == ["0", "1", "2"]
    assert (answer.summary.rows, answer.summary.stopped.reason) == (3, "REQUEST_TOO_LARGE")
    assert not (await rig.answer(row("a"), row("b"), row("c"))).summary.HasField("stopped")


async def test_when_the_caller_hangs_up_begun_rows_end_and_no_other_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "_AT_ONCE", 3)
    rig, go = Rig(), asyncio.Event()

    async def create(organism: str) -> None:
        await go.wait()

    rig.creations.create = create
    answers = rig.run(rows(*(row(str(number)) for number in range(20))))
    assert await anext(answers) == b""
    await turns()
    await answers.aclose()
    go.set()
    await turns()
    assert rig.creations.begun == rig.creations.ended == ["0", "1", "2"]
    # And there is room for another import.
    assert told(await rig.answer(row("next"))) == ["id of next"]


async def test_more_imports_than_are_taken_are_told_to_come_later() -> None:
    rig = Rig(at_once=1)
    first = rig.run(rows(row("a")))
    assert await anext(first) == b""
    with pytest.raises(Overloaded):
        await rig.answer(row("b"))
    await first.aclose()
    assert told(await rig.answer(row("c"))) == ["id of c"]


async def test_a_fault_of_ours_costs_its_own_row_only() -> None:
    rig = Rig()

    async def create(organism: str) -> None:
        if organism == "b":
            raise ValueError

    rig.creations.create = create
    answer = await rig.answer(row("a"), row("b"), row("c"), row("d", size=1 << 21))
    assert told(answer) == ["id of a", "INTERNAL", "id of c", "REQUEST_TOO_LARGE"]
    assert not answer.summary.HasField("stopped")


@pytest.mark.parametrize("how", ["revoked", "expired"])
async def test_a_token_that_counts_no_more_stops_an_import_of_which_no_row_comes(
    how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing, "_RECHECK_SECONDS", 0.001)
    rig, left = Rig(), list[object]()

    async def items() -> AsyncIterator[Item]:
        yield row("before")
        if how == "revoked":
            rig.tokens.revoked = True
        else:
            monkeypatch.setattr(importing, "time", lambda: CALLER.token_expires)
        await asyncio.Event().wait()

    async def rest() -> AsyncIterator[object]:
        left.append("read")
        yield b""

    async with asyncio.timeout(5):
        answer = await whole(rig.run(items(), rest()))
    assert told(answer) == ["id of before"]
    assert answer.summary.stopped.reason == ("TOKEN_REVOKED" if how == "revoked" else "UNAUTHENTICATED")
    assert left == ["read"]


async def test_a_row_that_was_begun_is_answered_though_the_token_counts_no_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(importing, "_RECHECK_SECONDS", 0.001)
    monkeypatch.setattr(importing, "_AT_ONCE", 2)
    rig, begun, go = Rig(), asyncio.Event(), asyncio.Event()

    async def create(organism: str) -> None:
        rig.tokens.revoked = True
        begun.set()
        await go.wait()

    rig.creations.create = create
    answering = asyncio.create_task(rig.answer(*(row(str(number)) for number in range(9))))
    await begun.wait()
    await turns()
    go.set()
    answer = await answering
    assert told(answer) == [f"id of {organism}" for organism in rig.creations.begun]
    assert answer.summary.rows == len(rig.creations.begun) < 9


async def test_what_will_not_be_dealt_with_is_not_read_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "REST_SECONDS", 0.01)

    async def rest() -> AsyncIterator[object]:
        while True:
            await asyncio.sleep(0)
            yield b"x"

    async with asyncio.timeout(5):
        answer = await whole(Rig().run(rows(row("a")), rest()))
    assert told(answer) == ["id of a"]


async def test_an_answer_that_nobody_reads_is_not_kept_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slow_reader, "UNREAD_SECONDS", 0.01)
    rig = Rig(at_once=1)

    async def read_nothing() -> None:
        async with aclosing(rig.run(rows(row("a")))) as answers:
            async for _ in answers:
                await asyncio.Event().wait()

    reading = asyncio.create_task(read_nothing())
    # An error that the caller is told.
    with pytest.raises(DeadlineExceeded):
        await asyncio.wait_for(reading, 5)
    assert told(await rig.answer(row("next"))) == ["id of next"]


async def test_one_account_leaves_room_for_others() -> None:
    rig = Rig(at_once=8)
    first, second = rig.run(rows(row("a"))), rig.run(rows(row("b")))
    assert await anext(first) == await anext(second) == b""
    with pytest.raises(Overloaded):
        await rig.answer(row("c"))
    other = Caller(user_id="22222222-2222-4222-8222-222222222222", token_id="o", token_expires=CALLER.token_expires)
    assert told(await whole(rig.run(rows(row("d")), caller=other))) == ["id of d"]
    await first.aclose()
    assert told(await rig.answer(row("c"))) == ["id of c"]
    await second.aclose()


async def test_rows_that_cannot_be_read_keep_no_other_call_waiting() -> None:
    async with counting_turns() as turns:
        answer = await Rig().answer(*(RowNotJson() for _ in range(1_600)))
        assert answer.summary.refused == 1_600
        assert turns() >= 100


async def test_a_row_of_nothing_is_no_sample_of_the_imports_own_organism() -> None:
    rig = Rig()
    answer = await rig.answer(Row(RawSample(), "", 2), Row(RawSample(), "key", 2), row("a"))
    assert told(answer) == ["MALFORMED_REQUEST", "MALFORMED_REQUEST", "id of a"]
    assert rig.creations.begun == ["a"]


async def test_a_row_takes_the_room_that_it_needs_to_be_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "_BYTES_AT_ONCE", 1_000)
    rig = Rig()
    await rig.answer(*(row("x" * 600) for _ in range(5)))
    assert rig.creations.most_at_once == 1


async def test_rows_that_were_begun_end_before_the_gateway_does() -> None:
    rig, go = Rig(), asyncio.Event()

    async def create(organism: str) -> None:
        await go.wait()
        if organism == "away":
            raise ServiceUnavailable

    rig.creations.create = create
    answers = rig.run(rows(row("a"), row("away")))
    assert await anext(answers) == b""
    await turns()
    await answers.aclose()
    closing = asyncio.create_task(rig.importing.close())
    await turns()
    assert not closing.done()
    go.set()
    async with asyncio.timeout(1):
        await closing
    # And none is tried again.
    assert (rig.creations.begun, rig.creations.ended) == (["a", "away"], ["a"])
    assert not rig.importing._begun


async def test_a_token_that_cannot_be_checked_for_a_moment_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "_FIRST_PAUSE", 0.001)
    rig = Rig()
    rig.tokens.away = 4
    answer = await rig.answer(row("a"), row("b"))
    assert told(answer) == ["id of a", "id of b"]
    assert not answer.summary.HasField("stopped")
