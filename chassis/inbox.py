"""Consumers of events: each event takes effect once, however often it is delivered.

The inbox row is written in the transaction of what the handler does. While a dependency is away the message waits; a
handler that fails is tried again, later each time, and after the delivery limit the message goes to the dead letters.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

from aio_pika.abc import AbstractIncomingMessage
from google.protobuf.message import DecodeError
from opentelemetry.trace import SpanKind

from chassis import broker, calls
from chassis.calls import Call, Caller
from chassis.database import Connection, Database
from chassis.errors import ServiceUnavailable
from chassis.telemetry import EVENTS_PROCESSED, describe, log, parent_context, tracer
from fairdb.events.v1.event_pb2 import Event

_PREFETCH = 32
_WAIT_SECONDS = 0.5

CLAIM = "INSERT INTO inbox (consumer, event_id) VALUES ($1, $2) ON CONFLICT DO NOTHING RETURNING event_id"

# A delivery may repeat while its message waits in a queue or lies among the dead letters; weeks later none does.
SWEEP = "DELETE FROM inbox WHERE handled_at < now() - interval '30 days'"

Handler = Callable[[Connection, Event], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Subscription:
    """One consumer: its queue, the event types it wants, and what it does with each, inside a transaction."""

    queue: str
    types: Sequence[str]
    handler: Handler


class Consumer:
    """Feeds one subscription."""

    def __init__(self, service: str, url: str, database: Database, subscription: Subscription) -> None:
        self._service = service
        self._url = url
        self._database = database
        self._subscription = subscription

    async def run(self) -> None:
        """Consume until cancelled, across every loss of the broker."""
        await self._database.migrated()
        await broker.keep_trying(self._subscription.queue, self._session)

    async def _session(self) -> None:
        async with broker.connect(self._url) as (connection, lost):
            channel = await connection.channel(publisher_confirms=False)
            channel.close_callbacks.add(lambda *_: lost.set())
            await channel.set_qos(prefetch_count=_PREFETCH)
            queue = await broker.declare_queue(channel, self._subscription.queue, self._subscription.types)
            # aio-pika runs the callback as a task of its own for each message, at most _PREFETCH at a time.
            await queue.consume(self._receive)
            await lost.wait()

    async def _receive(self, message: AbstractIncomingMessage) -> None:
        try:
            event = Event.FromString(message.body)
        except DecodeError:
            log.error("message_is_no_event", queue=self._subscription.queue)
            EVENTS_PROCESSED.labels("unknown", "refused").inc()
            await message.reject(requeue=False)
            return
        calls.enter(
            Call(
                correlation_id=event.correlation_id,
                traceparent=event.traceparent,
                caller=Caller(service=self._service),
            )
        )
        name = f"{self._subscription.queue} {event.type}"
        with tracer.start_as_current_span(
            name, context=parent_context(event.traceparent), kind=SpanKind.CONSUMER, record_exception=False
        ):
            outcome = await self._handle(event)
        EVENTS_PROCESSED.labels(event.type, outcome).inc()
        if outcome != "failed":
            await message.ack()
            return
        deliveries = int(str((message.headers or {}).get("x-delivery-count", 0)))
        await asyncio.sleep(min(0.1 * 2**deliveries, 5.0))
        await message.nack(requeue=True)

    async def _handle(self, event: Event) -> str:
        """Return "handled", "repeated" or "failed"; wait while the database is away."""
        while True:
            try:
                async with self._database.transaction() as connection:
                    if await connection.fetchval(CLAIM, self._subscription.queue, UUID(event.id)) is None:
                        return "repeated"
                    await self._subscription.handler(connection, event)
                return "handled"
            except ServiceUnavailable as error:
                log.info("consumer_waits", queue=self._subscription.queue, error=type(error).__name__)
                await asyncio.sleep(_WAIT_SECONDS)
            except Exception as error:
                log.error("handler_failed", queue=self._subscription.queue, event_id=event.id, **describe(error))
                return "failed"
