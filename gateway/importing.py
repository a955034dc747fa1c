"""Importing: many rows, each created as a single sample is, many at a time, and answered in their order.

A row is one creation among those that are under way at the same time: it has its saga, its key and its deadline, and
the calls and statements that it makes travel with those of its neighbours.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from time import time

from google.rpc.error_details_pb2 import BadRequest
from opentelemetry import trace
from opentelemetry.context import Context as NoContext

from chassis import calls
from chassis.calls import Call, Caller
from chassis.errors import AppError, DeadlineExceeded, Internal, InvalidRequest, ServiceUnavailable, Unauthenticated
from chassis.revocation import Revocations
from chassis.telemetry import current_traceparent, describe, log, tracer
from chassis.violations import Violation, violations_of
from fairdb.backend.v1.backend_service_pb2 import IdempotencyClaim
from fairdb.samples.v1 import import_service_pb2 as pb
from fairdb.samples.v1.sample_service_pb2 import CreateSampleRequest
from gateway.creation import Creation, Identified
from gateway.errors import Overloaded, RowTooLarge, TooManyRows
from gateway.idempotency import CREATE, MAX_LENGTH, Fingerprints
from gateway.import_rows import Item, Row
from gateway.spool import Spool
from gateway.window import Window
from sheets.records import MOST_BYTES

MOST_ROWS = 100_000
ROW_SECONDS = 30.0
"""The same that a call for one sample has."""

_METHOD = "fairdb.samples.v1.ImportService.ImportSamples"
_AT_ONCE = 256
"""Rows of all imports that are under way: enough that each hop's calls travel many together, and few enough that a call
for one sample, which travels with them, does not wait long."""
_BYTES_AT_ONCE = 8 * 1024 * 1024
_AHEAD = 512
"""Rows that may be read while an earlier one has no answer yet."""
_NEW = 256
"""After so many new rows in a row those that follow are taken for new, too, until one is not."""
_FIRST_PAUSE, _LONGEST_PAUSE = 0.25, 4.0

Encode = Callable[[pb.ImportSamplesResponse], bytes]
"""Makes of a message what its caller receives; pieces that follow one another are a whole again."""


@dataclass(slots=True)
class Import:
    """One import under way."""

    caller: Caller
    correlation_id: str
    span: trace.SpanContext
    study: str
    organism: str
    summary: pb.ImportSummary = field(default_factory=pb.ImportSummary)
    seen: Counter[int] = field(default_factory=Counter[int])
    new_in_a_row: int = 0
    away: AppError | None = None
    """Of a row that waited for a part in vain."""
    stopped: AppError | None = None
    """Why no further row is begun."""


Answers = asyncio.Queue[tuple[int, asyncio.Future[Identified] | AppError] | None]


class Importing:
    """The imports of this process."""

    def __init__(
        self, creation: Creation, fingerprints: Fingerprints, revocations: Revocations, *, at_once: int
    ) -> None:
        """Set up. `at_once`: imports; who comes when as many are under way is told to come later."""
        self._creation = creation
        self._fingerprints = fingerprints
        self._revocations = revocations
        self._free = at_once
        self._window = Window(_AT_ONCE, _BYTES_AT_ONCE)
        self._begun: set[asyncio.Task[Identified]] = set()

    async def run(
        self, items: AsyncGenerator[Item, None], rest: AsyncIterator[object], encode: Encode, defaults: tuple[str, str]
    ) -> AsyncGenerator[bytes, None]:
        """Create a sample of each row and yield the answers, in order, and in the end the summary.

        `rest` is what the rows come from: it is read to its end also when the import stops before. `defaults` are the
        study and the organism of rows without. The first piece is empty, and comes with the first row. Raises what
        went wrong before that; later errors stop the import, and its summary says so.

        Whoever closes this leaves the rows that were begun to come to their end, and no other begins.
        """
        if not self._free:
            raise Overloaded
        call = calls.current()
        span = trace.get_current_span().get_span_context()
        this, spool = Import(call.caller, call.correlation_id, span, *defaults), Spool()
        self._free -= 1
        working = asyncio.create_task(self._work(this, items, rest, encode, spool))
        working.add_done_callback(lambda _: spool.end())
        try:
            while (piece := await spool.take()) is not None:
                yield piece
            await working
        finally:
            self._free += 1
            working.cancel()
            await asyncio.gather(working, return_exceptions=True)
            spool.close()

    async def _work(
        self, this: Import, items: AsyncGenerator[Item, None], rest: AsyncIterator[object], encode: Encode, spool: Spool
    ) -> None:
        answers: Answers = asyncio.Queue(_AHEAD)
        both = (
            asyncio.create_task(self._read(this, items, rest, answers, spool)),
            asyncio.create_task(_answer(this, answers, encode, spool)),
        )
        try:
            done, _ = await asyncio.wait(both, return_when=asyncio.FIRST_EXCEPTION)
            for task in done:
                task.result()
        finally:
            for task in both:
                task.cancel()
            await asyncio.gather(*both, return_exceptions=True)

    async def _read(
        self,
        this: Import,
        items: AsyncGenerator[Item, None],
        rest: AsyncIterator[object],
        answers: Answers,
        spool: Spool,
    ) -> None:
        """Begin row after row. When that stops, read on all the same: many clients send everything before they read."""
        count = 0
        try:
            async for item in items:
                if count == MOST_ROWS:
                    raise TooManyRows
                answer = item if isinstance(item, AppError) else await self._begin(this, item)
                if not count:
                    spool.put(b"")
                count += 1
                await answers.put((count, answer))
            if not count:
                raise InvalidRequest(violations=[Violation("rows", "must be one at least")])
        except AppError as error:
            if not count:
                raise
            this.stopped = error
        await answers.put(None)
        await items.aclose()
        with suppress(AppError):
            async for _ in rest:
                pass

    async def _begin(self, this: Import, row: Row) -> asyncio.Future[Identified] | AppError:
        """Begin a row as soon as there is room. Raises what stops the import."""
        if row.size > MOST_BYTES:
            return RowTooLarge()
        row.sample.study = row.sample.study or this.study
        row.sample.organism = row.sample.organism or this.organism
        try:
            claim = self._claim(this, row)
        except InvalidRequest as error:
            return error
        await self._window.enter(row.size)
        try:
            if this.away is not None:
                raise this.away
            # Each row is a call of its own, and needs a token that counts when it begins.
            if time() >= this.caller.token_expires:
                raise Unauthenticated
            await self._revocations.check(this.caller)
        except BaseException:
            self._window.leave(row.size)
            raise
        task = asyncio.create_task(self._create(this, row, claim))
        self._begun.add(task)
        task.add_done_callback(self._begun.discard)
        task.add_done_callback(lambda task: self._window.leave(row.size))
        task.add_done_callback(_look)
        return task

    def _claim(self, this: Import, row: Row) -> IdempotencyClaim:
        if not row.request_id:
            account = this.caller.principal.user_id
            return self._fingerprints.claim_content(_METHOD, account, row.sample, this.seen)
        if (len(row.request_id) > MAX_LENGTH or "\0" in row.request_id) and (
            violations := violations_of(CreateSampleRequest(request_id=row.request_id))
        ):
            raise InvalidRequest(violations=violations)
        return self._fingerprints.claim(CREATE, row.request_id, row.sample)

    async def _create(self, this: Import, row: Row, claim: IdempotencyClaim) -> Identified:
        """Create a row's sample, again while a part is away and there is time. Raises AppError."""
        now = asyncio.get_running_loop().time
        deadline, pause = now() + ROW_SECONDS, _FIRST_PAUSE
        links = [trace.Link(this.span)] if this.span.is_valid else []
        # A trace for each row: one of all would have as many spans as a file has rows.
        with tracer.start_as_current_span("import row", context=NoContext(), links=links, record_exception=False):
            calls.enter(Call(this.correlation_id, deadline, current_traceparent(""), this.caller))
            principal = this.caller.principal
            while True:
                try:
                    look_first = this.new_in_a_row < _NEW
                    found = await self._creation.identify(principal, row.sample, claim, look_first=look_first)
                    this.new_in_a_row = 0 if found.repeated else this.new_in_a_row + 1
                    return found
                except (ServiceUnavailable, DeadlineExceeded) as error:
                    # Its key makes a row repeatable, whatever became of it.
                    if now() + pause > deadline:
                        # A part that stays away would let every later row wait as long.
                        this.away = error
                        raise
                except AppError:
                    raise
                except Exception as error:
                    log.error("row_broke", **describe(error))
                    raise Internal from None
                await asyncio.sleep(pause)
                pause = min(pause * 2, _LONGEST_PAUSE)


def _look(task: asyncio.Task[Identified]) -> None:
    """Take note of how a row ended, also when nobody waits for it any more."""
    if not task.cancelled():
        task.exception()


async def _answer(this: Import, answers: Answers, encode: Encode, spool: Spool) -> None:
    """Answer for each row in turn, as soon as it has ended, then with the summary."""
    summary = this.summary
    while (found := await answers.get()) is not None:
        number, outcome = found
        answered = pb.ImportedRow(row=number)
        summary.rows = number
        try:
            if isinstance(outcome, AppError):
                raise outcome
            # Whoever does not want the answer any more does not end the row.
            created = await asyncio.shield(outcome)
        except AppError as error:
            summary.refused += 1
            answered.error.CopyFrom(describe_error(error))
        else:
            summary.stored += 1
            summary.repeated += created.repeated
            answered.id = created.id
        await spool.has_room()
        spool.put(encode(pb.ImportSamplesResponse(rows=[answered])))
    if this.stopped is not None:
        summary.stopped.CopyFrom(describe_error(this.stopped))
    spool.put(encode(pb.ImportSamplesResponse(summary=summary)))


def describe_error(error: AppError) -> pb.ImportError:
    """Return an error as an answer for one sample would have it."""
    found = pb.ImportError(reason=error.reason, message=error.message, metadata=error.metadata)
    for detail in error.to_status().details:
        broken = BadRequest()
        if detail.Unpack(broken):
            found.violations.extend(broken.field_violations)
    return found
