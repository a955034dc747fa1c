"""Consumers of events: each event takes effect once, however often it is delivered.

The inbox row is written in the transaction of what the handler does; events that come at a time share one. While a
dependency is away the message waits; a handler that fails is tried again, later each time, and at last the message goes
to the dead letters. Meanwhile others pass it: whoever needs the order of a subject's events has it in their `sequence`.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

from aio_pika.abc import AbstractExchange
from aio_pika.message import IncomingMessage
from aiormq.abc import DeliveredMessage
from google.protobuf.message import DecodeError
from opentelemetry.trace import SpanKind

from chassis import call_context
from chassis.call_context import Call, Caller
from chassis.calling.coalescer import Coalescer
from chassis.errors import ServiceUnavailable
from chassis.events import broker
from chassis.events.acknowledging import Acknowledger
from chassis.storage.database import Connection, Database
from chassis.storage.sweep import Sweep
from chassis.telemetry import EVENTS_PROCESSED, describe, log, span
from fairdb.events.v1.event_pb2 import Event

_PREFETCH = 100
_INTERVAL_SECONDS = 0.05  # between transactions: each costs more than what is done in it for a few events
_WAIT_SECONDS = 0.5
_HOLD_SECONDS = 60.0  # longer than this no message is held: after half an hour the broker would take it away

CLAIM = """
INSERT INTO inbox (consumer, event_id) SELECT $1, event_id FROM unnest($2::uuid[]) AS event_id
ON CONFLICT DO NOTHING RETURNING event_id
"""

# A delivery may repeat while its message waits in a queue or lies among the dead letters; weeks later none does.
SWEEP = Sweep("inbox", "handled_at < now() - interval '30 days'")

Handler = Callable[[Connection, Sequence[Event]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Subscription:
    """One consumer: its queue, the event types it wants, and what it does with those that come, inside a transaction.

    The handler may get many events at once, no two alike. When it fails of one it is asked again, about fewer.
    """

    queue: str
    types: Sequence[str]
    handler: Handler


class Consumer:
    """Feeds one subscription."""

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
        """Consume until cancelled, across every loss of the broker."""
        await self._database.migrated()
        try:
            await broker.keep_trying(self._subscription.queue, self._session)
        finally:
            # Whoever stops must not leave a transaction open: its events are handled elsewhere.
            self._together.cancel()

    async def _session(self) -> None:
        async with broker.connect(self._url) as (connection, lost):
            channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
            channel.close_callbacks.add(lambda *_: lost.set())
            await channel.set_qos(prefetch_count=_PREFETCH)
            queue = await broker.declare_queue(
                channel, self._subscription.queue, self._subscription.types, self._delays
            )
            dead = await channel.get_exchange(broker.DEAD_EXCHANGE)

            underlying = await channel.get_underlay_channel()

            def failed(error: BaseException) -> None:
                # Not acknowledged, so it comes again: in the next session, which declares what may be missing.
                log.warning("message_not_settled", queue=queue.name, error=type(error).__name__)
                lost.set()

            acknowledger = Acknowledger(underlying, failed)

            async def receive(message: DeliveredMessage) -> None:
                tag = message.delivery_tag
                assert tag is not None
                acknowledger.came(tag)
                try:
                    await self._receive(message, channel.default_exchange, dead)
                except Exception as error:
                    failed(error)
                else:
                    acknowledger.settled(tag)

            # Runs the callback as a task of its own for each message, at most _PREFETCH at a time. Below aio-pika,
            # which makes more of a message than is needed here, and waits for the socket after each.
            await underlying.basic_consume(queue.name, receive)
            await lost.wait()

    async def _receive(self, message: DeliveredMessage, queues: AbstractExchange, dead: AbstractExchange) -> None:
        """Handle a message; afterwards it took effect, or the broker has it elsewhere."""
        name = self._subscription.queue
        try:
            event = Event.FromString(message.body)
            UUID(event.id)
        except (DecodeError, ValueError) as error:
            log.error("message_is_no_event", queue=name)
            EVENTS_PROCESSED.labels("unknown", "refused").inc()
            headers = broker.failure_headers(name, 1, type(error).__name__)
            await broker.move(dead, name, IncomingMessage(message), headers)
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
            outcome = await self._move_on(IncomingMessage(message), outcome, queues, dead)
        EVENTS_PROCESSED.labels(event.type, outcome).inc()

    async def _handle(self, event: Event) -> str | Exception:
        """Return "handled", "repeated" or why it failed; ServiceUnavailable says that a dependency is still away."""
        held_until = time.monotonic() + self._hold
        while True:
            try:
                return await self._together.submit(event)
            except ServiceUnavailable as error:
                log.info("consumer_waits", queue=self._subscription.queue, error=type(error).__name__)
                if time.monotonic() > held_until:
                    return error
                await asyncio.sleep(_WAIT_SECONDS)
            except Exception as error:
                log.error("handler_failed", queue=self._subscription.queue, event_id=event.id, **describe(error))
                return error

    async def _handle_all(self, events: Sequence[Event]) -> Sequence[str]:
        """Handle, in one transaction, those events that have not been handled before."""
        by_id = {UUID(event.id): event for event in events}
        async with self._database.transaction() as connection:
            claimed = [row["event_id"] for row in await connection.fetch(CLAIM, self._subscription.queue, [*by_id])]
            if claimed:
                await self._subscription.handler(connection, [by_id[id] for id in claimed])
        handled = {str(id) for id in claimed}
        return ["handled" if str(UUID(event.id)) in handled else "repeated" for event in events]

    async def _move_on(
        self, message: IncomingMessage, error: Exception, queues: AbstractExchange, dead: AbstractExchange
    ) -> str:
        """Give a message that failed to the retry queue of its next attempt, or to the dead letters."""
        name = self._subscription.queue
        attempts = broker.attempts_of(message)
        if isinstance(error, ServiceUnavailable):
            # Waiting is no attempt.
            retry = broker.retry_name(name, self._delays[0])
            await broker.move(queues, retry, message, {broker.ATTEMPTS: attempts})
            return "waiting"
        headers = broker.failure_headers(name, attempts + 1, type(error).__name__)
        if attempts < len(self._delays):
            await broker.move(queues, broker.retry_name(name, self._delays[attempts]), message, headers)
            return "failed"
        await broker.move(dead, name, message, headers)
        log.error("message_is_dead", queue=name, event_id=message.message_id, error=type(error).__name__)
        return "dead"
