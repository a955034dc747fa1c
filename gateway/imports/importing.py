"""Importing: creates a sample from each row, many at the same time, and returns the answers in row order.

Each row is created as if by a call of its own, with its own saga, idempotency key and deadline. Calls and SQL
statements for several rows are sent in common batches.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import suppress
from typing import NamedTuple

import structlog
from opentelemetry import trace
from opentelemetry.context import Context as NoContext

from chassis import call_context
from chassis.call_context import Call
from chassis.errors import AppError, DeadlineExceeded, Internal, InvalidRequest, ServiceUnavailable
from chassis.identity.revocation import Revocations
from chassis.tasks import cancel
from chassis.tracing import current_traceparent, tracer
from fairdatabase.policy.records.anonymisation import Anonymiser
from fairdatabase.sheets.records import MOST_BYTES, Fault
from fairdatabase.violations import Violation, violations_of
from fairdb.backend.v1.backend_service_pb2 import IdempotencyClaim
from fairdb.samples.v1 import import_service_pb2 as pb
from fairdb.samples.v1.sample_service_pb2 import CreateSampleRequest
from gateway.imports.admission import Admission
from gateway.imports.answers import Import, Outcome, Yielding, answer_each, retrieve_exception
from gateway.imports.attempts import Attempts
from gateway.imports.dropped import DroppedFields
from gateway.imports.errors import RowUnreadable, TooManyRows
from gateway.imports.places import Places
from gateway.imports.rows import Comments, Item, Row, Titles
from gateway.imports.slow_reader import SlowReader
from gateway.imports.spool import Spool
from gateway.imports.token_watch import TokenWatch
from gateway.imports.windows import Windows, shuffled
from gateway.samples.creation import Creation, Identified
from gateway.samples.idempotency import CREATE, MAX_LENGTH, Fingerprints

log = structlog.get_logger()

MOST_ROWS = 100_000

_METHOD = "fairdb.samples.v1.ImportService.ImportSamples"
_ROWS_AT_ONCE = 256
"""Rows of all imports in progress: enough to fill batches, few enough to keep concurrent single creations fast."""
_BYTES_AT_ONCE = 8 * 1024 * 1024
_SKIP_LOOKUP_AFTER = 256
"""After this many consecutive new rows, skip the duplicate look-up."""
_DRAIN_SECONDS = 60.0
"""How long the rest of the request is read after the import has stopped."""
_CLOSE_SECONDS = 2.0
"""How long rows in progress may take to finish when the gateway stops."""


class Claimed(NamedTuple):
    """A row that may begin."""

    row: Row
    claim: IdempotencyClaim
    size: int


class Importing:
    """Runs the imports of this process."""

    def __init__(
        self,
        creation: Creation,
        fingerprints: Fingerprints,
        revocations: Revocations,
        anonymiser: Anonymiser,
        *,
        at_once: int,
    ) -> None:
        """Set up. `at_once`: how many imports may run at a time."""
        self._creation = creation
        self._fingerprints = fingerprints
        self._tokens = TokenWatch(revocations)
        self._anonymiser = anonymiser
        self.places = Places(at_once)
        self._admission = Admission(_ROWS_AT_ONCE, _BYTES_AT_ONCE)
        self._begun: set[asyncio.Task[Identified]] = set()
        self._closing = False

    async def close(self) -> None:
        """Stop retrying rows, and wait a limited time for rows in progress to finish."""
        self._closing = True
        if self._begun:
            await asyncio.wait(self._begun, timeout=_CLOSE_SECONDS)

    async def run(
        self, items: AsyncGenerator[Item, None], rest: AsyncIterator[object], defaults: tuple[str, str]
    ) -> AsyncGenerator[pb.ImportSamplesResponse, None]:
        """Create a sample from each row; yield the answers in row order, and at the end the summary.

        The caller must have taken one of `places`. `rest` iterates over the messages from which `items` come; it is
        read to its end even if the import stops early. `defaults` are the study and the organism for rows that name
        none. The first message is yielded when the first row was read; it may be empty.

        Raises an error that occurs before the first row, and DeadlineExceeded if the client stops reading. Any later
        error stops the import, and the summary reports it. After `aclose`, rows in progress finish and no new row
        begins.
        """
        call = call_context.current()
        span = trace.get_current_span().get_span_context()
        job = Import(call.caller, call.correlation_id, span, *defaults, DroppedFields(self._anonymiser.policy))
        spool, reader = Spool(), SlowReader()
        reading = asyncio.create_task(self._read(job, items, rest, spool))
        reading.add_done_callback(lambda _: reader.limit())
        working = asyncio.create_task(_both(reading, asyncio.create_task(answer_each(job, spool))))
        working.add_done_callback(lambda _: spool.end())
        try:
            columns = job.dropped.columns
            while (piece := await spool.take()) is not None:
                # In protobuf, concatenated messages parse as one message that has the rows of all of them.
                answer = pb.ImportSamplesResponse.FromString(piece)
                answer.columns.extend(columns)
                columns = ()
                for message in job.dropped.named(answer):
                    reader.given()
                    yield message
                    reader.taken()
            await working
        finally:
            reader.taken()
            await cancel(working)
            spool.close()
            if reader.overdue:
                raise DeadlineExceeded

    async def _read(
        self, job: Import, items: AsyncGenerator[Item, None], rest: AsyncIterator[object], spool: Spool
    ) -> None:
        """Begin the rows. If the import stops early, read and discard the rest of the request.

        Many clients send the whole request before they read the answer.
        """
        try:
            await self._tokens.run(self._begin_each(job, items, spool), job.caller)
        except AppError as error:
            if not job.answering:
                raise
            job.stopped = error
            job.stop.set_exception(error)
        job.answers.put_nowait(None)
        await items.aclose()
        with suppress(AppError, TimeoutError):
            async with asyncio.timeout(_DRAIN_SECONDS):
                async for _ in rest:
                    pass

    async def _begin_each(self, job: Import, items: AsyncIterator[Item], spool: Spool) -> None:
        windows = Windows(items)
        try:
            while window := await windows.take():
                rows = [item for item in window if not isinstance(item, Titles | Comments)]
                for item in window:
                    if isinstance(item, Titles):
                        job.dropped.add_columns(item.metadata)
                    elif isinstance(item, Comments):
                        job.summary.comments = item.lines
                if rows and not job.answering:
                    job.answering = True
                    spool.put(b"")
                room = MOST_ROWS - job.read
                await self._begin_window(job, rows[:room])
                if len(rows) > room:
                    raise TooManyRows
        finally:
            await windows.close()
        if not job.answering:
            raise InvalidRequest(violations=[Violation("rows", "must have at least one row")])

    async def _begin_window(self, job: Import, rows: Sequence[Row | AppError]) -> None:
        """Begin the rows of a window in random order. Raises errors that stop the import.

        After a stop, rows before the last begun one have the error of the stop, and rows after it are not processed.
        """
        yielding = Yielding()
        # In the rows' order, because equal rows are counted. None: the row has not begun.
        outcomes: list[Outcome | None] = []
        claimed: dict[int, Claimed] = {}
        for number, row in enumerate(rows):
            await yielding.count_row()
            await job.read_ahead.acquire()
            found = row if isinstance(row, AppError) else self._claimed(job, row)
            outcomes.append(found if isinstance(found, AppError) else None)
            if isinstance(found, Claimed):
                claimed[number] = found
        ended = False
        try:
            for number in shuffled(len(rows)):
                if number in claimed:
                    await yielding.count_row()
                    outcomes[number] = await self._begin(job, claimed.pop(number))
            ended = True
        finally:
            # Do not await here: a cancellation would leave a begun row without an answer.
            last = max((at for at, outcome in enumerate(outcomes) if isinstance(outcome, asyncio.Future)), default=-1)
            for outcome in outcomes if ended else outcomes[: last + 1]:
                job.read += 1
                job.answers.put_nowait((job.read, outcome or job.stop))

    def _claimed(self, job: Import, row: Row) -> Claimed | AppError:
        """Return a row with its idempotency claim, or the error that rejects it."""
        if row.size > MOST_BYTES:
            return RowUnreadable(Fault.TOO_LARGE)
        # The parsed row can need three times as much memory as its text, if it consists of short numbers.
        size = row.sample.ByteSize()
        if not size:
            # Reject an empty row before the defaults apply: defaults alone do not make a sample.
            return RowUnreadable(Fault.EMPTY)
        size = max(size, row.size)
        row.sample.study = row.sample.study or job.study
        row.sample.organism = self._anonymiser.own_organism(row.sample) or job.organism or row.sample.organism
        try:
            return Claimed(row, self._claim(job, row), size)
        except InvalidRequest as error:
            return error

    async def _begin(self, job: Import, claimed: Claimed) -> asyncio.Future[Identified]:
        """Begin a row when there is room for it. Raises errors that stop the import."""
        row, claim, size = claimed
        await self._admission.enter(size)
        try:
            if job.unavailable is not None:
                raise job.unavailable
            # Each row counts as a separate call, so the token must be valid when the row begins.
            await self._tokens.check(job.caller)
            if self._closing:
                raise ServiceUnavailable
        except BaseException:
            self._admission.leave(size)
            raise
        task = asyncio.create_task(self._create(job, row, claim))
        self._begun.add(task)
        task.add_done_callback(self._begun.discard)
        task.add_done_callback(lambda _: self._admission.leave(size))
        task.add_done_callback(retrieve_exception)
        return task

    def _claim(self, job: Import, row: Row) -> IdempotencyClaim:
        if not row.request_id:
            account = job.caller.principal.user_id
            return self._fingerprints.claim_content(_METHOD, account, row.sample, job.seen)
        if (len(row.request_id) > MAX_LENGTH or "\0" in row.request_id) and (
            violations := violations_of(CreateSampleRequest(request_id=row.request_id))
        ):
            raise InvalidRequest(violations=violations)
        return self._fingerprints.claim(CREATE, row.request_id, row.sample)

    async def _create(self, job: Import, row: Row, claim: IdempotencyClaim) -> Identified:
        """Create a row's sample; retry while a service is unavailable and the row has time. Raises AppError."""
        attempts = Attempts()
        links = [trace.Link(job.span)] if job.span.is_valid else []
        # One trace per row: a trace of the whole import would have as many spans as the file has rows.
        with tracer.start_as_current_span("import row", context=NoContext(), links=links, record_exception=False):
            call_context.enter(Call(job.correlation_id, attempts.deadline, current_traceparent(""), job.caller))
            principal = job.caller.principal
            while True:
                try:
                    look_first = job.consecutive_new < _SKIP_LOOKUP_AFTER
                    created = await self._creation.identify(principal, row.sample, claim, look_first=look_first)
                    job.consecutive_new = 0 if created.repeated else job.consecutive_new + 1
                    return created
                except (ServiceUnavailable, DeadlineExceeded) as error:
                    # Retrying is always safe, because the row has an idempotency key.
                    if self._closing or attempts.exhausted():
                        # Stop the import. Otherwise each later row would also retry until its time limit.
                        job.unavailable = error
                        raise
                except AppError:
                    raise
                except Exception as error:
                    log.error("import_row_failed", error=error)
                    raise Internal from None
                await attempts.pause()


async def _both(*tasks: asyncio.Task[None]) -> None:
    """Wait for both tasks; if one fails, cancel the other."""
    try:
        await asyncio.gather(*tasks)
    finally:
        await cancel(*tasks)
