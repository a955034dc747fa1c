"""A channel to another service, whose addresses come from the registry, and which must prove its name.

Generated stubs use it as a `grpc.aio.Channel`. It adds to each call a service token, the correlation id, the trace
context, the remaining deadline, retries (gRPC's service config, on UNAVAILABLE only) and a circuit breaker. Calls of
methods that declare `batched` in their proto are sent in batches under load.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import grpc
from opentelemetry.trace import SpanKind

from chassis import call_context
from chassis.calling.batch_client import BATCH_METHOD, LARGE, Batcher, Outgoing
from chassis.calling.breaker import Breaker
from chassis.errors import Expired, NotSent, from_rpc_error
from chassis.identity.access import is_batched, only_reads
from chassis.identity.certificates import Certificate
from chassis.identity.tokens import ServiceTokens
from chassis.identity.transport import Transport
from chassis.tracing import current_traceparent, span
from fairdb.batch.v1.batch_service_pb2 import CallManyRequest, CallManyResponse

CALL_SECONDS = 5.0
_MARGIN = 0.03
"""Seconds subtracted from our own deadline, so that we can still answer when the callee does not."""
_CLOSE_GRACE = 10.0
_HEALTH = "/grpc.health."

_OPTIONS = [
    (
        "grpc.service_config",
        json.dumps(
            {
                "loadBalancingConfig": [{"round_robin": {}}],
                "methodConfig": [
                    {
                        # Every internal method is idempotent: see its proto.
                        "name": [{}],
                        "retryPolicy": {
                            "maxAttempts": 3,
                            "initialBackoff": "0.05s",
                            "maxBackoff": "0.5s",
                            "backoffMultiplier": 3,
                            "retryableStatusCodes": ["UNAVAILABLE"],
                        },
                    }
                ],
            }
        ),
    ),
    # Reconnect within a second of a callee's restart; the default waits up to two minutes.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1000),
    ("grpc.max_receive_message_length", 4 * 1024 * 1024),
]


class ServiceChannel:
    """A channel to the known instances of a service. Calls fail at once while none is known."""

    def __init__(self, service: str, tokens: ServiceTokens, transport: Transport) -> None:
        self.service = service
        self._tokens = tokens
        self._transport = transport
        self._breaker = Breaker(service)
        self._target = ""
        self._channel: grpc.aio.Channel | None = None
        self._certificate: Certificate | None = None
        """The certificate that the channel shows."""
        self._bound: dict[str, tuple[grpc.aio.Channel, Any]] = {}
        self._closing: set[asyncio.Task[None]] = set()

    def update(self, addresses: Sequence[str]) -> None:
        """Use these addresses ("127.0.0.1:8002") from now on. Calls in flight finish on the old ones."""
        self._target = "ipv4:" + ",".join(addresses)
        self._open()
        self._breaker.reset()

    def _open(self) -> None:
        """Replace the channel by one with the current addresses and certificate."""
        old = self._channel
        self._certificate = self._transport.certificate
        self._channel = self._transport.channel(self.service, self._target, _OPTIONS)
        if old is not None:
            task = asyncio.create_task(old.close(_CLOSE_GRACE))
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)

    def unary_unary(
        self,
        method: str,
        request_serializer: Callable[[Any], bytes] | None = None,
        response_deserializer: Callable[[bytes], Any] | None = None,
        _registered_method: bool | None = False,
    ) -> Callable[..., Any]:
        """Return the callable for a stub. It looks up the underlying channel at each call."""
        assert request_serializer is not None  # noqa: S101 - the stubs always pass both
        assert response_deserializer is not None  # noqa: S101 - as above
        alone = self._bind(method)
        batcher = None
        if is_batched(method):
            batcher = Batcher(self.service, method, alone, self._send_batch, merge=only_reads(method))
        # A health check finds out whether the callee is back, so the breaker never blocks it.
        probing = method.startswith(_HEALTH)

        async def call(request: Any, timeout: float | None = None) -> Any:
            if not probing:
                self._breaker.before_call()
            if self._channel is None:
                raise NotSent(service=self.service)
            seconds = timeout or CALL_SECONDS
            remaining = call_context.current().time_remaining()
            if remaining is not None:
                seconds = min(seconds, remaining - _MARGIN)
                if seconds <= 0:
                    raise Expired
            written = request_serializer(request)
            send = alone if batcher is None or len(written) >= LARGE else batcher.call
            return response_deserializer(await self._call(method, send, written, seconds))

        return call

    async def _call(
        self, method: str, send: Callable[[Outgoing], Awaitable[bytes]], request: bytes, seconds: float
    ) -> bytes:
        """Send a call in the context of the call being served. Raises AppError."""
        current = call_context.current()
        deadline = asyncio.get_running_loop().time() + seconds
        with span(method, SpanKind.CLIENT, current.traceparent, inside=True) as recorded:
            traceparent = current.traceparent if recorded is None else current_traceparent(current.traceparent)
            return await send(Outgoing(request, deadline, current.correlation_id, traceparent))

    def _bind(self, method: str) -> Callable[[Outgoing], Awaitable[bytes]]:
        """Return a function that sends one call of a method alone. It raises AppError."""
        probing = method.startswith(_HEALTH)

        async def send(outgoing: Outgoing) -> bytes:
            metadata = [(call_context.CORRELATION_ID, outgoing.correlation_id)]
            if outgoing.traceparent:
                metadata.append((call_context.TRACEPARENT, outgoing.traceparent))
            seconds = outgoing.deadline - asyncio.get_running_loop().time()
            try:
                return await self._send(method, outgoing.request, seconds, metadata, probing=probing)
            except grpc.aio.AioRpcError as error:
                raise from_rpc_error(self.service, error) from None

        return send

    async def _send_batch(self, batch: CallManyRequest, seconds: float) -> CallManyResponse:
        return CallManyResponse.FromString(await self._send(BATCH_METHOD, batch.SerializeToString(), seconds, []))

    async def _send(
        self, method: str, request: bytes, seconds: float, metadata: list[tuple[str, str]], *, probing: bool = False
    ) -> bytes:
        """Make a call. Raises AioRpcError, NotSent."""
        if self._channel is None:
            raise NotSent(service=self.service)
        if self._certificate is not self._transport.certificate:
            self._open()
        channel = self._channel
        if self._bound.get(method, (None, None))[0] is not channel:
            self._bound[method] = (channel, channel.unary_unary(method))
        thumbprint = self._certificate.thumbprint if self._certificate else None
        metadata.append((call_context.SERVICE_TOKEN, self._tokens.token_for(self.service, thumbprint)))
        try:
            answer = await self._bound[method][1](request, timeout=seconds, metadata=metadata)
        except grpc.aio.AioRpcError as error:
            self._note(error.code(), seconds, probing=probing)
            raise
        self._breaker.succeeded()
        return answer

    def _note(self, code: grpc.StatusCode, timeout: float, *, probing: bool) -> None:
        """Update the breaker after a failed call, and drop a token that the callee refused."""
        if code == grpc.StatusCode.UNAUTHENTICATED:
            self._tokens.forget(self.service)
        too_slow = code == grpc.StatusCode.DEADLINE_EXCEEDED and timeout >= CALL_SECONDS - _MARGIN
        if code == grpc.StatusCode.UNAVAILABLE or too_slow:
            if not probing:
                self._breaker.failed()
        elif code != grpc.StatusCode.DEADLINE_EXCEEDED:
            # Any other code proves that the callee answered. A timeout proves nothing if the deadline was short.
            self._breaker.succeeded()

    def _stream(self, method: str, *_: Any, **__: Any) -> Callable[..., Any]:
        """Return a placeholder for a streaming method: stubs create one for health's Watch, which is never called."""

        def call(*_: Any, **__: Any) -> Any:
            raise NotImplementedError(f"{method} streams; internal calls must be unary")

        return call

    unary_stream = stream_unary = stream_stream = _stream

    async def close(self) -> None:
        """Cancel the calls in flight and close."""
        for task in self._closing:
            task.cancel()
        if self._channel is not None:
            await self._channel.close()
