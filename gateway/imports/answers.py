"""Answers of an import: what became of each row, in order, and of all of them in the end."""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from google.rpc.error_details_pb2 import BadRequest
from opentelemetry import trace

from chassis.call_context import Caller
from chassis.errors import AppError
from fairdb.samples.v1 import import_service_pb2 as pb
from gateway.imports.spool import Spool
from gateway.samples.creation import Identified

_AHEAD = 512
"""Rows that may be read while an earlier one has no answer yet."""
_TURN_ROWS, _TURN_SECONDS = 16, 0.003
"""After so much others have their turn: rows that are refused wait for nothing by themselves."""

Encode = Callable[[pb.ImportSamplesResponse], bytes]
"""Makes of a message what its caller receives; pieces that follow one another are a whole again."""


Answers = asyncio.Queue[tuple[int, asyncio.Future[Identified] | AppError] | None]


@dataclass(slots=True)
class Import:
    """One import under way."""

    caller: Caller
    correlation_id: str
    span: trace.SpanContext
    study: str
    organism: str
    summary: pb.ImportSummary = field(default_factory=pb.ImportSummary)
    read: int = 0
    """Rows that were begun or refused."""
    seen: Counter[int] = field(default_factory=Counter[int])
    answers: Answers = field(default_factory=lambda: Answers())
    ahead: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_AHEAD))
    new_in_a_row: int = 0
    away: AppError | None = None
    """Of a row that waited for a part in vain."""
    stopped: AppError | None = None
    """Why no further row is begun."""


class Turns:
    """Gives others their turn now and then."""

    def __init__(self) -> None:
        self._now = asyncio.get_running_loop().time
        self._since, self._count = self._now(), 0

    async def give(self) -> None:
        """Let others go on when there was no occasion for long."""
        self._count += 1
        if self._count >= _TURN_ROWS or self._now() - self._since > _TURN_SECONDS:
            await asyncio.sleep(0)
            self._since, self._count = self._now(), 0


async def answer_each(this: Import, encode: Encode, spool: Spool) -> None:
    """Answer for each row in turn, as soon as it has ended, then with the summary."""
    summary, turns = this.summary, Turns()
    while (found := await this.answers.get()) is not None:
        await turns.give()
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
        this.ahead.release()
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
