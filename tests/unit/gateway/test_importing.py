"""Imports: the rows that are begun, waiting, and the reasons for which an import stops."""

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
from fairdatabase.policy.records.anonymisation import Anonymiser
from fairdatabase.policy.tables.reader import load_policy
from fairdb.samples.v1 import import_service_pb2 as pb
from fairdb.samples.v1.sample_pb2 import RawSample
from gateway.imports import attempts, importing, places, slow_reader, token_watch
from gateway.imports.errors import Overloaded, RowNotJson
from gateway.imports.importing import Importing
from gateway.imports.places import Holder
from gateway.imports.rows import Item, Row, Titles
from gateway.imports.windows import shuffled
from gateway.samples.creation import Creation, Identified
from gateway.samples.idempotency import Fingerprints
from tests.waiting import counting_turns, eventually

# The token is valid for a day, because the time starts at test collection and other tests may run first.
CALLER = Caller(user_id="11111111-1111-4111-8111-111111111111", token_id="t", token_expires=time.time() + 86_400)

ANONYMISER = Anonymiser(load_policy())


class Creations:
    """A fake Creation that awaits `create` and counts its calls."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.ended: list[str] = []
        self.at_once = self.most_at_once = 0
        self.looked_first: list[bool] = []
        self.claims: list[object] = []
        self.drop_reasons: dict[str, str] = {}
        self.create: Callable[[str], Any] = lambda organism: asyncio.sleep(0)

    async def some_begun(self) -> bool:
        return bool(self.begun)

    async def identify(self, principal: object, raw: RawSample, claim: object, *, look_first: bool) -> Identified:
        organism = raw.organism
        self.begun.append(organism)
        self.looked_first.append(look_first)
        self.claims.append(claim)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            repeated = await self.create(organism)
        finally:
            self.at_once -= 1
        self.ended.append(organism)
        return Identified(f"id of {organism}", bool(repeated), self.drop_reasons)


class Tokens:
    """A fake revocation list. Its next `failures` checks raise ServiceUnavailable."""

    def __init__(self) -> None:
        self.revoked = False
        self.failures = 0

    async def check(self, caller: Caller) -> None:
        if self.failures:
            self.failures -= 1
            raise ServiceUnavailable
        if self.revoked:
            raise TokenRevoked


class Rig:
    def __init__(self, at_once: int = 1) -> None:
        self.creations, self.tokens = Creations(), Tokens()
        self.importing = Importing(
            cast(Creation, self.creations), Fingerprints(b"k" * 32), self.tokens, ANONYMISER, at_once=at_once
        )

    async def run(
        self, items: AsyncIterator[Item], rest: AsyncIterator[object] | None = None, caller: Caller = CALLER
    ) -> AsyncGenerator[pb.ImportSamplesResponse, None]:
        call_context.enter(Call(caller=caller))
        async with self.importing.places.hold(Holder.of(caller)):
            answers = self.importing.run(
                cast(AsyncGenerator[Item, None], items),
                rest or rows(),
                ("", "default"),
            )
            async with aclosing(answers):
                async for piece in answers:
                    yield piece

    async def answer(self, *items: Item) -> pb.ImportSamplesResponse:
        return await whole(self.run(rows(*items)))


async def whole(answers: AsyncGenerator[pb.ImportSamplesResponse, None]) -> pb.ImportSamplesResponse:
    async with aclosing(answers):
        merged = pb.ImportSamplesResponse()
        async for answer in answers:
            merged.MergeFrom(answer)
        return merged


@pytest.fixture(autouse=True)
def _in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let rows begin in their order, so that tests can tell which have begun."""
    monkeypatch.setattr(importing, "shuffled", range)


async def rows(*items: Item) -> AsyncGenerator[Item, None]:
    for item in items:
        yield item


def row(organism: str = "", size: int = 1) -> Row:
    return Row(RawSample(subject="donor", organism=organism), "", size)


async def run_tasks() -> None:
    """Let every task run until it waits for something else."""
    for _ in range(100):
        await asyncio.sleep(0)


def outcomes(answer: pb.ImportSamplesResponse) -> list[str]:
    return [item.id or item.error.reason for item in answer.rows]


async def test_answers_come_in_the_order_of_the_rows() -> None:
    rig = Rig()

    async def create(organism: str) -> None:
        for _ in range(10 if organism == "slow" else 0):
            await asyncio.sleep(0)

    rig.creations.create = create
    answer = await rig.answer(row("slow"), row("quick"), RowNotJson(), row())
    assert rig.creations.ended[-1] == "slow"
    assert outcomes(answer) == ["id of slow", "id of quick", "MALFORMED_REQUEST", "id of default"]
    assert (answer.summary.rows, answer.summary.stored, answer.summary.refused) == (4, 3, 1)


async def test_answer_names_what_was_dropped_of_each_row() -> None:
    rig = Rig()
    rig.creations.drop_reasons = {"shoe size": "unknown", "age": "bad"}
    answer = await rig.answer(Titles(["age", "shoe size"]), row("a"), RowNotJson(), row("b"))
    assert [column.field for column in answer.columns] == ["shoe size"]
    assert [list(item.dropped_fields) for item in answer.rows] == [["age"], [], ["age"]]
    assert {drop.field: drop.rows for drop in answer.summary.dropped} == {"age": 2, "shoe size": 2}


async def test_rows_in_progress_are_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "_ROWS_AT_ONCE", 7)
    rig, full = Rig(), asyncio.Event()

    async def create(organism: str) -> None:
        # Keep rows in progress until their number reaches the limit.
        if rig.creations.at_once == 7:
            full.set()
        await full.wait()

    rig.creations.create = create
    await rig.answer(*(row(str(number)) for number in range(50)))
    assert rig.creations.most_at_once == 7


async def test_duplicate_lookup_is_skipped_after_consecutive_new_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "_ROWS_AT_ONCE", 1)
    monkeypatch.setattr(importing, "_SKIP_LOOKUP_AFTER", 3)
    rig = Rig()

    async def create(organism: str) -> bool:
        return organism == "5"

    rig.creations.create = create
    answer = await rig.answer(*(row(str(number)) for number in range(10)))
    assert rig.creations.looked_first == [True] * 3 + [False] * 3 + [True] * 3 + [False]
    assert answer.summary.repeated == 1


@pytest.mark.parametrize("error", [ServiceUnavailable, DeadlineExceeded])
async def test_row_is_retried_while_a_service_is_unavailable(
    error: type[AppError], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attempts, "_FIRST_PAUSE", 0.001)
    rig = Rig()

    async def create(organism: str) -> None:
        if len(rig.creations.begun) < 4:
            raise error

    rig.creations.create = create
    assert outcomes(await rig.answer(row("a"))) == ["id of a"]


async def test_service_that_stays_unavailable_stops_the_import(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempts, "ROW_SECONDS", 0.0)
    monkeypatch.setattr(importing, "_ROWS_AT_ONCE", 2)
    rig = Rig()

    async def create(organism: str) -> None:
        await asyncio.sleep(0)
        raise ServiceUnavailable

    rig.creations.create = create
    answer = await rig.answer(*(row(str(number)) for number in range(50)))
    assert answer.summary.stopped.reason == "SERVICE_UNAVAILABLE"
    assert len(answer.rows) == answer.summary.rows == answer.summary.refused < 50


@pytest.mark.parametrize("how", ["revoked", "expired"])
async def test_invalid_token_stops_the_import(how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rig = Rig()
    left: list[object] = []

    async def items() -> AsyncIterator[Item]:
        yield row("before")
        await eventually(rig.creations.some_begun)
        if how == "revoked":
            rig.tokens.revoked = True
        else:
            monkeypatch.setattr(token_watch, "time", lambda: CALLER.token_expires)
        yield row("after")

    async def rest() -> AsyncIterator[object]:
        left.append("read")
        yield b""

    answer = await whole(rig.run(items(), rest()))
    assert rig.creations.begun == ["before"]
    assert outcomes(answer) == ["id of before"]
    assert answer.summary.stopped.reason == ("TOKEN_REVOKED" if how == "revoked" else "UNAUTHENTICATED")
    # The rest of the file is read too, because some callers send everything before they read.
    assert left == ["read"]


async def test_error_before_the_first_row_fails_the_call() -> None:
    rig = Rig()
    with pytest.raises(InvalidRequest):
        await rig.answer()

    async def broken() -> AsyncIterator[Item]:
        for item in [row("a")][len(rig.creations.begun) + 1 :]:
            yield item
        raise MalformedRequest

    with pytest.raises(MalformedRequest):
        await whole(rig.run(broken()))


async def test_error_after_the_first_row_stops_the_import_and_is_reported() -> None:
    async def broken() -> AsyncIterator[Item]:
        yield row("a")
        raise MalformedRequest

    answer = await whole(Rig().run(broken()))
    assert outcomes(answer) == ["id of a"]
    assert answer.summary.stopped.reason == "MALFORMED_REQUEST"


async def test_rows_beyond_the_limit_are_not_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "MOST_ROWS", 3)
    rig = Rig()
    answer = await rig.answer(*(row(str(number)) for number in range(5)))
    assert rig.creations.begun == ["0", "1", "2"]
    assert (answer.summary.rows, answer.summary.stopped.reason) == (3, "REQUEST_TOO_LARGE")
    assert not (await rig.answer(row("a"), row("b"), row("c"))).summary.HasField("stopped")


async def test_after_a_disconnect_rows_in_progress_end_and_no_new_row_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "_ROWS_AT_ONCE", 3)
    rig, go = Rig(), asyncio.Event()

    async def create(organism: str) -> None:
        await go.wait()

    rig.creations.create = create
    answers = rig.run(rows(*(row(str(number)) for number in range(20))))
    assert await anext(answers) == pb.ImportSamplesResponse()
    await run_tasks()
    await answers.aclose()
    go.set()
    await run_tasks()
    assert rig.creations.begun == rig.creations.ended == ["0", "1", "2"]
    # The import no longer counts as running, so another can start.
    assert outcomes(await rig.answer(row("next"))) == ["id of next"]


async def test_import_above_the_limit_of_running_imports_is_refused_as_overloaded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(places, "WAIT_SECONDS", 0.2)
    rig = Rig(at_once=1)
    first = rig.run(rows(row("a")))
    assert await anext(first) == pb.ImportSamplesResponse()
    with pytest.raises(Overloaded):
        await rig.answer(row("b"))
    await first.aclose()
    assert outcomes(await rig.answer(row("c"))) == ["id of c"]


async def test_internal_error_fails_only_its_row() -> None:
    rig = Rig()

    async def create(organism: str) -> None:
        if organism == "b":
            raise ValueError

    rig.creations.create = create
    answer = await rig.answer(row("a"), row("b"), row("c"), row("d", size=1 << 21))
    assert outcomes(answer) == ["id of a", "INTERNAL", "id of c", "REQUEST_TOO_LARGE"]
    assert not answer.summary.HasField("stopped")


@pytest.mark.parametrize("how", ["revoked", "expired"])
async def test_invalid_token_stops_an_import_that_receives_no_rows(how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(token_watch, "_RECHECK_SECONDS", 0.001)
    rig, left = Rig(), list[object]()

    async def items() -> AsyncIterator[Item]:
        yield row("before")
        await eventually(rig.creations.some_begun)
        if how == "revoked":
            rig.tokens.revoked = True
        else:
            monkeypatch.setattr(token_watch, "time", lambda: CALLER.token_expires)
        await asyncio.Event().wait()

    async def rest() -> AsyncIterator[object]:
        left.append("read")
        yield b""

    async with asyncio.timeout(5):
        answer = await whole(rig.run(items(), rest()))
    assert outcomes(answer) == ["id of before"]
    assert answer.summary.stopped.reason == ("TOKEN_REVOKED" if how == "revoked" else "UNAUTHENTICATED")
    assert left == ["read"]


async def test_row_in_progress_is_answered_after_the_token_became_invalid(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(token_watch, "_RECHECK_SECONDS", 0.001)
    monkeypatch.setattr(importing, "_ROWS_AT_ONCE", 2)
    rig, begun, go = Rig(), asyncio.Event(), asyncio.Event()

    async def create(organism: str) -> None:
        rig.tokens.revoked = True
        begun.set()
        await go.wait()

    rig.creations.create = create
    answering = asyncio.create_task(rig.answer(*(row(str(number)) for number in range(9))))
    await begun.wait()
    await run_tasks()
    go.set()
    answer = await answering
    assert outcomes(answer) == [f"id of {organism}" for organism in rig.creations.begun]
    assert answer.summary.rows == len(rig.creations.begun) < 9


async def test_draining_after_a_stop_is_limited_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "_DRAIN_SECONDS", 0.01)

    async def rest() -> AsyncIterator[object]:
        while True:
            await asyncio.sleep(0)
            yield b"x"

    async with asyncio.timeout(5):
        answer = await whole(Rig().run(rows(row("a")), rest()))
    assert outcomes(answer) == ["id of a"]


async def test_import_of_a_caller_who_does_not_read_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slow_reader, "LIMIT_SECONDS", 0.01)
    rig = Rig(at_once=1)

    async def read_nothing() -> None:
        async with aclosing(rig.run(rows(row("a")))) as answers:
            async for _ in answers:
                await asyncio.Event().wait()

    reading = asyncio.create_task(read_nothing())
    # The import must raise an AppError, because a cancellation would give the caller no status.
    with pytest.raises(DeadlineExceeded):
        await asyncio.wait_for(reading, 5)
    assert outcomes(await rig.answer(row("next"))) == ["id of next"]


async def test_imports_per_account_are_limited() -> None:
    rig = Rig(at_once=8)
    first, second = rig.run(rows(row("a"))), rig.run(rows(row("b")))
    assert await anext(first) == await anext(second) == pb.ImportSamplesResponse()
    with pytest.raises(Overloaded):
        await rig.answer(row("c"))
    other = Caller(user_id="22222222-2222-4222-8222-222222222222", token_id="o", token_expires=CALLER.token_expires)
    assert outcomes(await whole(rig.run(rows(row("d")), caller=other))) == ["id of d"]
    await first.aclose()
    assert outcomes(await rig.answer(row("c"))) == ["id of c"]
    await second.aclose()


async def test_rejected_rows_do_not_block_other_tasks() -> None:
    async with counting_turns() as turns:
        answer = await Rig().answer(*(RowNotJson() for _ in range(1_600)))
        assert answer.summary.refused == 1_600
        assert turns() >= 100


async def test_empty_row_is_rejected_despite_a_default_organism() -> None:
    rig = Rig()
    answer = await rig.answer(Row(RawSample(), "", 2), Row(RawSample(), "key", 2), row("a"))
    assert outcomes(answer) == ["MALFORMED_REQUEST", "MALFORMED_REQUEST", "id of a"]
    assert rig.creations.begun == ["a"]


async def test_bytes_in_progress_are_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "_BYTES_AT_ONCE", 1_000)
    rig = Rig()
    await rig.answer(*(row("x" * 600) for _ in range(5)))
    assert rig.creations.most_at_once == 1


async def test_closing_waits_for_rows_in_progress() -> None:
    rig, go = Rig(), asyncio.Event()

    async def create(organism: str) -> None:
        await go.wait()
        if organism == "out of reach":
            raise ServiceUnavailable

    rig.creations.create = create
    answers = rig.run(rows(row("a"), row("out of reach")))
    assert await anext(answers) == pb.ImportSamplesResponse()
    await run_tasks()
    await answers.aclose()
    closing = asyncio.create_task(rig.importing.close())
    await run_tasks()
    assert not closing.done()
    go.set()
    async with asyncio.timeout(1):
        await closing
    # While the gateway closes, the unavailable row is not retried.
    assert (rig.creations.begun, rig.creations.ended) == (["a", "out of reach"], ["a"])
    assert not rig.importing._begun


async def test_brief_outage_of_the_revocation_list_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempts, "_FIRST_PAUSE", 0.001)
    rig = Rig()
    rig.tokens.failures = 4
    answer = await rig.answer(row("a"), row("b"))
    assert outcomes(answer) == ["id of a", "id of b"]
    assert not answer.summary.HasField("stopped")


async def test_rows_begin_in_random_order_and_are_answered_in_theirs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "shuffled", shuffled)
    rig, names = Rig(), [f"row {number}" for number in range(300)]
    answer = await rig.answer(*map(row, names))
    assert sorted(rig.creations.begun) == sorted(names)
    assert rig.creations.begun != names
    assert outcomes(answer) == [f"id of {name}" for name in names]


async def test_equal_rows_keep_their_keys_in_any_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "shuffled", lambda count: range(count)[::-1])
    rig = Rig()
    await rig.answer(row("a"), row("a"), row("b"))
    backwards = rig.creations.claims
    monkeypatch.setattr(importing, "shuffled", range)
    rig.creations.claims = []
    await rig.answer(row("a"), row("a"), row("b"))
    assert rig.creations.claims == backwards[::-1]


async def test_stop_in_a_window_answers_rows_before_the_last_begun_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "shuffled", lambda count: [3, 1, 0, 2, 4])
    monkeypatch.setattr(importing, "_ROWS_AT_ONCE", 1)
    rig = Rig()

    async def create(organism: str) -> None:
        rig.tokens.revoked = organism == "b"

    rig.creations.create = create
    answer = await rig.answer(*map(row, "abcde"))
    assert rig.creations.begun == ["d", "b"]
    assert outcomes(answer) == ["TOKEN_REVOKED", "id of b", "TOKEN_REVOKED", "id of d"]
    assert (answer.summary.rows, answer.summary.stored, answer.summary.refused) == (4, 2, 2)
    assert answer.summary.stopped.reason == "TOKEN_REVOKED"
