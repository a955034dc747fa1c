"""Importing: many rows, each created as a single sample is, many at a time, and answered in their order.

A row is one creation among those that are under way at the same time: it has its saga, its key and its deadline, and
the calls and statements that it makes travel with those of its neighbours.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine, Iterator
from contextlib import contextmanager, suppress
from time import time
from typing import Any

import structlog
from opentelemetry import trace
from opentelemetry.context import Context as NoContext

from chassis import call_context
from chassis.backoff import Backoff
from chassis.call_context import Call
from chassis.errors import AppError, DeadlineExceeded, Internal, InvalidRequest, ServiceUnavailable, Unauthenticated
from chassis.identity.revocation import Revocations
from chassis.tracing import current_traceparent, tracer
from fairdatabase.sheets.records import MOST_BYTES, Fault
from fairdatabase.violations import Violation, violations_of
from fairdb.backend.v1.backend_service_pb2 import IdempotencyClaim
from fairdb.samples.v1.sample_service_pb2 import CreateSampleRequest
from gateway.imports.admission import Window
from gateway.imports.answers import Encode, Import, Turns, answer_each
from gateway.imports.errors import Overloaded, RowUnreadable, TooManyRows
from gateway.imports.rows import Item, Row
from gateway.imports.slow_reader import Unread
from gateway.imports.spool import Spool
from gateway.samples.creation import Creation, Identified
from gateway.samples.idempotency import CREATE, MAX_LENGTH, Fingerprints

log = structlog.get_logger()

log = structlog.get_logger()

MOST_ROWS = 100_000
ROW_SECONDS = 30.0
"""The same that a call for one sample has."""

_METHOD = "fairdb.samples.v1.ImportService.ImportSamples"
_AT_ONCE = 256
"""Rows of all imports that are under way: enough that each hop's calls travel many together, and few enough that a call
for one sample, which travels with them, does not wait long."""
_BYTES_AT_ONCE = 8 * 1024 * 1024
_NEW = 256
"""After so many new rows in a row those that follow are taken for new, too, until one is not."""
_FIRST_PAUSE, _LONGEST_PAUSE = 0.25, 4.0
_OF_ACCOUNT = 2
"""Imports of one account at a time: so many as `fairdb import` has."""
_RECHECK_SECONDS = 1.0
REST_SECONDS = 60.0
"""How long is read on of what will not be dealt with."""
_CLOSE_SECONDS = 2.0
"""For rows that were begun, when the gateway stops: an orderly end in the time that it has."""


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
        self._of_account = Counter[str]()
        self._window = Window(_AT_ONCE, _BYTES_AT_ONCE)
        self._begun: set[asyncio.Task[Identified]] = set()
        self._closing = False

    @contextmanager
    def place(self) -> Iterator[None]:
        """Hold a place for an import of the current caller. Raises Overloaded when there is none."""
        account = call_context.current().caller.principal.user_id
        if not self._free or self._of_account[account] >= _OF_ACCOUNT:
            raise Overloaded
        self._free -= 1
        self._of_account[account] += 1
        try:
            yield
        finally:
            self._free += 1
            self._of_account[account] -= 1
            if not self._of_account[account]:
                del self._of_account[account]

    async def close(self) -> None:
        """Try no row again, and let those that were begun come to their end, for as long as there is time."""
        self._closing = True
        if self._begun:
            await asyncio.wait(self._begun, timeout=_CLOSE_SECONDS)

    async def run(
        self, items: AsyncGenerator[Item, None], rest: AsyncIterator[object], encode: Encode, defaults: tuple[str, str]
    ) -> AsyncGenerator[bytes, None]:
        """Create a sample of each row and yield the answers, in order, and in the end the summary; within a `place`.

        `rest` is what the rows come from: it is read to its end also when the import stops before. `defaults` are the
        study and the organism of rows without. The first piece is empty, and comes with the first row. Raises what
        went wrong before that, and DeadlineExceeded when nobody takes the answers; other errors stop the import, and
        its summary says so.

        Whoever closes this leaves the rows that were begun to come to their end, and no other begins.
        """
        call = call_context.current()
        span = trace.get_current_span().get_span_context()
        this, spool, unread = Import(call.caller, call.correlation_id, span, *defaults), Spool(), Unread()
        reading = asyncio.create_task(self._read(this, items, rest, spool))
        reading.add_done_callback(lambda _: unread.limit())
        working = asyncio.create_task(_both(reading, asyncio.create_task(answer_each(this, encode, spool))))
        working.add_done_callback(lambda _: spool.end())
        try:
            while (piece := await spool.take()) is not None:
                unread.given()
                yield piece
                unread.taken()
            await working
        finally:
            unread.taken()
            working.cancel()
            await asyncio.gather(working, return_exceptions=True)
            spool.close()
            if unread.overdue:
                raise DeadlineExceeded

    async def _read(
        self, this: Import, items: AsyncGenerator[Item, None], rest: AsyncIterator[object], spool: Spool
    ) -> None:
        """Begin row after row. When that stops, read on all the same: many clients send everything before they read."""
        try:
            await self._while_token_counts(this, self._begin_each(this, items, spool))
        except AppError as error:
            if not this.read:
                raise
            this.stopped = error
        this.answers.put_nowait(None)
        await items.aclose()
        with suppress(AppError, TimeoutError):
            async with asyncio.timeout(REST_SECONDS):
                async for _ in rest:
                    pass

    async def _begin_each(self, this: Import, items: AsyncGenerator[Item, None], spool: Spool) -> None:
        turns = Turns()
        async for item in items:
            await turns.give()
            if this.read == MOST_ROWS:
                raise TooManyRows
            await this.ahead.acquire()
            answer = item if isinstance(item, AppError) else await self._begin(this, item)
            # From here on nothing waits, so that no row is begun without an answer.
            if not this.read:
                spool.put(b"")
            this.read += 1
            this.answers.put_nowait((this.read, answer))
        if not this.read:
            raise InvalidRequest(violations=[Violation("rows", "must be one at least")])

    async def _while_token_counts(self, this: Import, work: Coroutine[Any, Any, None]) -> None:
        """Do the work until it ends or the token counts no more. Raises what ends it."""
        # Whatever comes, or does not: who sends blank lines or half rows begins none.
        both = asyncio.create_task(work), asyncio.create_task(self._watch_token(this))
        try:
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            for task in both:
                if task.done():
                    return task.result()
        finally:
            for task in both:
                task.cancel()
            await asyncio.gather(*both, return_exceptions=True)

    async def _watch_token(self, this: Import) -> None:
        while True:
            await self._check_token(this)
            await asyncio.sleep(max(0.0, min(_RECHECK_SECONDS, this.caller.token_expires - time())))

    async def _check_token(self, this: Import) -> None:
        """Raise Unauthenticated or TokenRevoked; ServiceUnavailable when nobody can be asked for a row's time."""
        patience = _Patience()
        while True:
            if time() >= this.caller.token_expires:
                raise Unauthenticated
            try:
                return await self._revocations.check(this.caller)
            except (ServiceUnavailable, DeadlineExceeded):
                if patience.is_over():
                    raise
            await patience.pause()

    async def _begin(self, this: Import, row: Row) -> asyncio.Future[Identified] | AppError:
        """Begin a row as soon as there is room. Raises what stops the import."""
        if row.size > MOST_BYTES:
            return RowUnreadable(Fault.TOO_LARGE)
        # What it takes to hold it: three times its text at most, where that is all short numbers.
        size = row.sample.ByteSize()
        if not size:
            # With the import's own organism it would be a sample of nothing.
            return RowUnreadable(Fault.EMPTY)
        size = max(size, row.size)
        row.sample.study = row.sample.study or this.study
        row.sample.organism = row.sample.organism or this.organism
        try:
            claim = self._claim(this, row)
        except InvalidRequest as error:
            return error
        await self._window.enter(size)
        try:
            if this.away is not None:
                raise this.away
            # Each row is a call of its own, and needs a token that counts when it begins.
            await self._check_token(this)
            if self._closing:
                raise ServiceUnavailable
        except BaseException:
            self._window.leave(size)
            raise
        task = asyncio.create_task(self._create(this, row, claim))
        self._begun.add(task)
        task.add_done_callback(self._begun.discard)
        task.add_done_callback(lambda task: self._window.leave(size))
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
        patience = _Patience()
        links = [trace.Link(this.span)] if this.span.is_valid else []
        # A trace for each row: one of all would have as many spans as a file has rows.
        with tracer.start_as_current_span("import row", context=NoContext(), links=links, record_exception=False):
            call_context.enter(Call(this.correlation_id, patience.deadline, current_traceparent(""), this.caller))
            principal = this.caller.principal
            while True:
                try:
                    look_first = this.new_in_a_row < _NEW
                    found = await self._creation.identify(principal, row.sample, claim, look_first=look_first)
                    this.new_in_a_row = 0 if found.repeated else this.new_in_a_row + 1
                    return found
                except (ServiceUnavailable, DeadlineExceeded) as error:
                    # Its key makes a row repeatable, whatever became of it.
                    if self._closing or patience.is_over():
                        # A part that stays away would let every later row wait as long.
                        this.away = error
                        raise
                except AppError:
                    raise
                except Exception as error:
                    log.error("row_broke", error=error)
                    raise Internal from None
                await patience.pause()


class _Patience:
    """The time that a row has, and pauses between attempts in it, ever longer."""

    def __init__(self) -> None:
        self._now = asyncio.get_running_loop().time
        self._backoff = Backoff(_FIRST_PAUSE, _LONGEST_PAUSE)
        self.deadline = self._now() + ROW_SECONDS

    def is_over(self) -> bool:
        """Tell whether there is no time for another attempt."""
        return self._now() + self._backoff.upcoming > self.deadline

    async def pause(self) -> None:
        await self._backoff.pause()


def _look(task: asyncio.Task[Identified]) -> None:
    """Take note of how a row ended, also when nobody waits for it any more."""
    if not task.cancelled():
        task.exception()


async def _both(*tasks: asyncio.Task[None]) -> None:
    """Wait for both; when one fails the other ends, too."""
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
