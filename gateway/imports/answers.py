"""Answers of an import: the outcome of each row, in order, and then the summary."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field

from google.rpc.error_details_pb2 import BadRequest
from opentelemetry import trace

from chassis.call_context import Caller
from chassis.errors import AppError
from fairdb.samples.v1 import import_service_pb2 as pb
from gateway.imports.dropped import DroppedFields
from gateway.imports.spool import Spool
from gateway.samples.creation import Identified

_READ_AHEAD = 2048
"""Maximum number of rows that have begun but are not yet answered: more than two windows."""
_YIELD_ROWS, _YIELD_SECONDS = 16, 0.003
"""Yield to the event loop after this many rows or seconds, because rejected rows never await."""

Outcome = asyncio.Future[Identified] | AppError
Answers = asyncio.Queue[tuple[int, Outcome] | None]
"""The number and the outcome of each row, in order; None ends the queue."""


def retrieve_exception(outcome: asyncio.Future[Identified]) -> None:
    """Mark an exception as retrieved, in case the answer is no longer wanted."""
    if not outcome.cancelled():
        outcome.exception()


def _future() -> asyncio.Future[Identified]:
    made: asyncio.Future[Identified] = asyncio.get_running_loop().create_future()
    made.add_done_callback(retrieve_exception)
    return made


@dataclass(slots=True)
class Import:
    """The state of one import in progress."""

    caller: Caller
    correlation_id: str
    span: trace.SpanContext
    study: str
    organism: str
    dropped: DroppedFields
    summary: pb.ImportSummary = field(default_factory=pb.ImportSummary)
    answering: bool = False
    """Whether the answer has begun, so that an error can only end it."""
    read: int = 0
    """Number of rows that were begun or rejected."""
    seen: Counter[int] = field(default_factory=Counter[int])
    """Number of rows so far with the same content, by a hash of the content."""
    answers: Answers = field(default_factory=Answers)
    read_ahead: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_READ_AHEAD))
    consecutive_new: int = 0
    """Number of new rows since the last repeated one."""
    unavailable: AppError | None = None
    """Set once a row has run out of time because a service is unavailable. The import then stops."""
    stop: asyncio.Future[Identified] = field(default_factory=_future)
    """The outcome of rows that did not begin before a stop."""
    stopped: AppError | None = None
    """The error that stopped the import, if any."""


class Yielding:
    """Lets other tasks run from time to time, for loops that might otherwise never await."""

    def __init__(self) -> None:
        self._now = asyncio.get_running_loop().time
        self._since, self._rows = self._now(), 0

    async def count_row(self) -> None:
        """Count a row; let other tasks run if it is time."""
        self._rows += 1
        if self._rows >= _YIELD_ROWS or self._now() - self._since > _YIELD_SECONDS:
            await asyncio.sleep(0)
            self._since, self._rows = self._now(), 0


async def answer_each(job: Import, spool: Spool) -> None:
    """Put each row's answer into the spool (the queue of unread answers), in row order, and then the summary.

    In the spool, dropped fields are numbers, and the summary does not list them.
    """
    summary, yielding = job.summary, Yielding()
    while (answer := await job.answers.get()) is not None:
        await yielding.count_row()
        number, outcome = answer
        row = pb.ImportedRow(row=number)
        summary.rows = number
        try:
            if isinstance(outcome, AppError):
                raise outcome
            # A caller that disconnects must not cancel the row.
            created = await asyncio.shield(outcome)
        except AppError as error:
            summary.refused += 1
            row.error.CopyFrom(describe_error(error))
        else:
            summary.stored += 1
            summary.repeated += created.repeated
            row.id = created.id
            job.dropped.note(row, created.drop_reasons)
        await spool.has_room()
        spool.put(pb.ImportSamplesResponse(rows=[row]).SerializeToString())
        job.read_ahead.release()
    if job.stopped is not None:
        summary.stopped.CopyFrom(describe_error(job.stopped))
    spool.put(pb.ImportSamplesResponse(summary=summary).SerializeToString())


def describe_error(error: AppError) -> pb.ImportError:
    """Return an error with the same reason, message and details as CreateSample would return."""
    described = pb.ImportError(reason=error.reason, message=error.message, metadata=error.metadata)
    for detail in error.to_status().details:
        bad_request = BadRequest()
        if detail.Unpack(bad_request):
            described.violations.extend(bad_request.field_violations)
    return described
