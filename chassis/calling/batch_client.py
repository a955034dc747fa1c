"""The way out of a service for calls that travel together: what waits for a method goes as one call to BatchService."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

import grpc

from chassis.calling.coalescer import Coalescer
from chassis.errors import AppError, DeadlineExceeded, Expired, ServiceUnavailable, from_rpc_error, from_status
from chassis.telemetry import is_sampled
from fairdb.batch.v1 import batch_service_pb2 as pb

BATCH_METHOD = "/fairdb.batch.v1.BatchService/CallMany"
"""Carries requests of other methods; each of them is validated on its own."""
LARGE = 16 * 1024
"""Bytes of a request from which it travels alone: it takes long, and others would wait for it."""

_LIMIT = 100
_MOST_BYTES = 512 * 1024
_LINGER_SECONDS = 0.004
_ABOUT_ALL = frozenset(
    {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.UNAUTHENTICATED}
)
"""What a batch fails of is everybody's; of anything else it may fail because of one of its calls."""


@dataclass(slots=True)
class Outgoing:
    """One call on its way."""

    request: bytes
    deadline: float
    """Time of the event loop's clock."""
    correlation_id: str
    traceparent: str
    sent: bool = False


class Batcher:
    """Sends the calls of one method, alone while it is idle and together while it is busy."""

    def __init__(
        self,
        service: str,
        method: str,
        send_alone: Callable[[Outgoing], Awaitable[bytes]],
        send_batch: Callable[[pb.CallManyRequest, float], Awaitable[pb.CallManyResponse]],
        *,
        merge: bool = False,
    ) -> None:
        """Set up. `send_alone` raises AppError, `send_batch` AioRpcError; its second argument are seconds.

        `merge`: whether one call may answer all those of a batch that ask the same.
        """
        self._service = service
        self._method = method
        self._send_alone = send_alone
        self._send_batch = send_batch
        self._merge = merge
        self._coalescer = Coalescer(
            self._send, _LIMIT, most_weight=_MOST_BYTES, weigh=lambda call: len(call.request), linger=_LINGER_SECONDS
        )

    async def call(self, call: Outgoing) -> bytes:
        """Return the answer, serialized. Raises what the call alone would raise."""
        try:
            async with asyncio.timeout_at(call.deadline):
                answer = await self._coalescer.submit(call)
                if isinstance(answer, ServiceUnavailable):
                    # Alone it is tried again as gRPC's service config says; those that ask the same do so together.
                    answer = await (self._coalescer.submit(call) if self._merge else self._send_alone(call))
        except TimeoutError:
            raise (DeadlineExceeded if call.sent else Expired)(service=self._service) from None
        if isinstance(answer, AppError):
            raise answer
        return answer

    async def _send(self, sending: Sequence[Outgoing]) -> Sequence[bytes | AppError]:
        for call in sending:
            call.sent = True
        if not self._merge:
            return await self._send_all(sending)
        merged = _merge(sending)
        answers = dict(zip(merged, await self._send_all([*merged.values()]), strict=True))
        return [answers[call.request] for call in sending]

    async def _send_all(self, sending: Sequence[Outgoing]) -> Sequence[bytes | AppError]:
        if len(sending) == 1:
            try:
                return [await self._send_alone(sending[0])]
            except ServiceUnavailable:
                # It was tried as often as that is worth.
                raise
            except AppError as error:
                return [error]
        now = asyncio.get_running_loop().time()
        batch = pb.CallManyRequest()
        for call in sending:
            item = batch.calls.add(
                method=self._method,
                request=call.request,
                correlation_id=call.correlation_id,
                traceparent=call.traceparent,
            )
            item.timeout.FromNanoseconds(max(round((call.deadline - now) * 1e9), 0))
        try:
            answers = (await self._send_batch(batch, max(call.deadline for call in sending) - now)).answers
        except grpc.aio.AioRpcError as error:
            if error.code() in _ABOUT_ALL:
                raise from_rpc_error(self._service, error) from None
            raise
        return [
            from_status(self._service, answer.status) if answer.HasField("status") else answer.response
            for answer in answers
        ]


def _merge(sending: Sequence[Outgoing]) -> dict[bytes, Outgoing]:
    """Return one call for each request, by it.

    It has as long as the most patient of those that it stands for, and belongs to the trace of one that is recorded.
    """
    merged: dict[bytes, Outgoing] = {}
    for call in sending:
        same = merged.setdefault(call.request, call)
        if same is not call:
            shown = call if is_sampled(call.traceparent) and not is_sampled(same.traceparent) else same
            merged[call.request] = replace(shown, deadline=max(call.deadline, same.deadline))
    return merged
