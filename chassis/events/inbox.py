"""Consumers of events: each event takes effect once, however often it is delivered.

The handler's transaction also records the event in the table `inbox`. Events that arrive together share a transaction.
A message waits while a dependency is unavailable. When a handler fails, its message is retried after growing delays
and then becomes a dead letter. Meanwhile other messages overtake the failed one: a handler that needs the order of a
subject's events must compare their `sequence`.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

import structlog
from aio_pika.abc import AbstractChannel
from aio_pika.message import IncomingMessage
from aiormq.abc import DeliveredMessage
from google.protobuf.message import DecodeError
from opentelemetry.trace import SpanKind
from prometheus_client import Counter

from chassis import call_context
from chassis.backoff import Backoff
from chassis.call_context import Call, Caller
from chassis.calling.coalescer import Coalescer
from chassis.errors import ServiceUnavailable
from chassis.events import broker
from chassis.events.acknowledging import Acknowledger
from chassis.storage.database import Connection, Database
from chassis.storage.sweep import Sweep
from chassis.tasks import cancel
from chassis.tracing import span
from fairdb.events.v1.event_pb2 import Event

log = structlog.get_logger()

EVENTS_PROCESSED = Counter("events_processed_total", "Events that a consumer processed.", ["type", "outcome"])

_PREFETCH = 100
_INTERVAL_SECONDS = 0.05  # between transactions: a transaction costs more than handling a few events
_FIRST_WAIT, _LONGEST_WAIT = 0.25, 1.0
_HOLD_SECONDS = 60.0  # longest wait for a dependency; the broker would redeliver the message after half an hour

CLAIM = """
INSERT INTO inbox (consumer, event_id) SELECT $1, event_id FROM unnest($2::uuid[]) AS event_id
ON CONFLICT DO NOTHING RETURNING event_id
"""

# Keep a row as long as its message may be delivered again, from a queue or as a replayed dead letter.
SWEEP = Sweep("inbox", "handled_at < now() - interval '30 days'")

Handler = Callable[[Connection, Sequence[Event]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Subscription:
    """One consumer: its queue, its event types, and the handler that runs inside a transaction.

    The handler may get many distinct events at once. When it fails, it is called again with fewer of them.
    """

    queue: str
    types: Sequence[str]
    handler: Handler


class Consumer:
    """Runs one subscription."""

    def __init__(
        self,
        service: str,
        url: str,
        database: Database,
        subscription: Subscription,
        *,
        delays: Sequence[float] = broker.RETRY_DELAYS,
        hold: float = _HOLD_SECONDS,
    ) -> None:
        self._service = service
        self._url = url
        self._database = database
        self._subscription = subscription
        self._delays = delays
        self._hold = hold
        self._together = Coalescer(self._handle_all, _PREFETCH, interval=_INTERVAL_SECONDS)

    async def run(self) -> None:
        """Consume until cancelled; reconnect whenever the broker is lost."""
        await self._database.migrated()
        try:
            await broker.keep_connected(self._subscription.queue, self._session)
        finally:
            # A stopping consumer must not keep a transaction open, because another consumer will claim the same events.
            self._together.cancel()

    async def _session(self) -> None:
        # Two connections: see the docstring of `broker`.
        async with (
            broker.connect(self._url) as (connection, lost),
            broker.connect(self._url) as (publishing, _),
        ):
            publishing.close_callbacks.add(lambda *_: lost.set())
            async with asyncio.timeout(broker.SET_UP_SECONDS):
                moves = await publishing.channel(publisher_confirms=True, on_return_raises=True)
                channel = await connection.channel(publisher_confirms=False)
                for each in (moves, channel):
                    each.close_callbacks.add(lambda *_: lost.set())
                await channel.set_qos(prefetch_count=_PREFETCH)
                queue = await broker.declare_queue(
                    connection, channel, self._subscription.queue, self._subscription.types, self._delays
                )
                underlying = await channel.get_underlay_channel()

            def failed(error: BaseException) -> None:
                # The message is redelivered in the next session, which also declares any missing queue.
                log.warning("message_not_acknowledged", queue=queue.name, error=type(error).__name__)
                lost.set()

            acknowledger = Acknowledger(underlying, failed)

            async def receive(message: DeliveredMessage) -> None:
                tag = message.delivery_tag
                assert tag is not None  # noqa: S101 - every delivery has one
                acknowledger.received(tag)
                try:
                    await self._receive(message, moves)
                except BaseException as error:
                    # Also when the task is cancelled: the message would otherwise wait until the connection is lost.
                    failed(error)
                    raise
                acknowledger.handled(tag)

            # Consume through aiormq: aio-pika would build objects that are not needed here, and wait for the socket
            # after each message. aiormq runs the callback in a task for each message, at most _PREFETCH at a time.
            await underlying.basic_consume(queue.name, receive, timeout=broker.SET_UP_SECONDS)
            listing = asyncio.create_task(broker.list_queue(moves, queue.name))
            listing.add_done_callback(lambda task: None if _succeeded(task) else lost.set())
            try:
                await lost.wait()
            finally:
                await cancel(listing)

    async def _receive(self, message: DeliveredMessage, moves: AbstractChannel) -> None:
        """Handle a message, or move it to another queue."""
        name = self._subscription.queue
        try:
            event = Event.FromString(message.body)
            UUID(event.id)
        except (DecodeError, ValueError) as error:
            log.error("message_is_not_an_event", queue=name)
            EVENTS_PROCESSED.labels("unknown", "refused").inc()
            headers = broker.failure_headers(name, 1, type(error).__name__)
            await broker.move(moves, broker.DEAD_EXCHANGE, name, IncomingMessage(message), headers)
            return
        call_context.enter(
            Call(
                correlation_id=event.correlation_id,
                traceparent=event.traceparent,
                caller=Caller(service=self._service),
            )
        )
        with span(f"{name} {event.type}", SpanKind.CONSUMER, event.traceparent):
            outcome = await self._handle(event)
        if isinstance(outcome, Exception):
            outcome = await self._move_on(IncomingMessage(message), outcome, moves)
        EVENTS_PROCESSED.labels(event.type, outcome).inc()

    async def _handle(self, event: Event) -> str | Exception:
        """Return "handled", "repeated" or the error, which is ServiceUnavailable while a dependency is unavailable."""
        held_until = time.monotonic() + self._hold
        backoff = Backoff(_FIRST_WAIT, _LONGEST_WAIT)
        while True:
            try:
                return await self._together.submit(event)
            except ServiceUnavailable as error:
                log.info("consumer_waits", queue=self._subscription.queue, error=type(error).__name__)
                if time.monotonic() > held_until:
                    return error
                await backoff.pause()
            except Exception as error:
                log.error("handler_failed", queue=self._subscription.queue, event_id=event.id, error=error)
                return error

    async def _handle_all(self, events: Sequence[Event]) -> Sequence[str]:
        """Handle in one transaction the events that have not been handled before."""
        by_id = {UUID(event.id): event for event in events}
        async with self._database.transaction() as connection:
            claimed = [row["event_id"] for row in await connection.fetch(CLAIM, self._subscription.queue, [*by_id])]
            if claimed:
                await self._subscription.handler(connection, [by_id[id] for id in claimed])
        handled = {str(id) for id in claimed}
        return ["handled" if str(UUID(event.id)) in handled else "repeated" for event in events]

    async def _move_on(self, message: IncomingMessage, error: Exception, moves: AbstractChannel) -> str:
        """Move a failed message to the retry queue of its next attempt, or to the dead letters."""
        name = self._subscription.queue
        attempts = broker.attempts_of(message)
        if isinstance(error, ServiceUnavailable):
            # Waiting does not count as an attempt.
            retry = broker.retry_name(name, self._delays[0])
            await broker.move(moves, "", retry, message, {broker.ATTEMPTS: attempts})
            return "waiting"
        headers = broker.failure_headers(name, attempts + 1, type(error).__name__)
        if attempts < len(self._delays):
            await broker.move(moves, "", broker.retry_name(name, self._delays[attempts]), message, headers)
            return "failed"
        await broker.move(moves, broker.DEAD_EXCHANGE, name, message, headers)
        log.error("message_dead_lettered", queue=name, event_id=message.message_id, error=type(error).__name__)
        return "dead"


def _succeeded(task: asyncio.Task[None]) -> bool:
    return not task.cancelled() and task.exception() is None
