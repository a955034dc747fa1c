"""Batches of calls: the waiting calls of one method are sent as one call to BatchService."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

import grpc

from chassis.calling.coalescer import Coalescer
from chassis.errors import AppError, DeadlineExceeded, Expired, ServiceUnavailable, from_rpc_error, from_status
from chassis.tracing import is_sampled
from fairdb.batch.v1 import batch_service_pb2 as pb

BATCH_METHOD = "/fairdb.batch.v1.BatchService/CallMany"
"""Carries requests of other methods; the callee validates each of them."""
LARGE = 16 * 1024
"""Requests of this many bytes or more are sent alone: they take long, and the other calls of a batch would wait."""

_LIMIT = 100
_MOST_BYTES = 512 * 1024
_LINGER_SECONDS = 0.004
_BATCH_FAILURES = frozenset(
    {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.UNAUTHENTICATED}
)
"""Failures that concern the whole batch; any other may be caused by a single call."""


@dataclass(slots=True)
class Outgoing:
    """One call to be sent."""

    request: bytes
    deadline: float
    """On the event loop's clock."""
    correlation_id: str
    traceparent: str
    sent: bool = False


class Batcher:
    """Sends the calls of one method: singly while idle, in batches under load."""

    def __init__(
        self,
        service: str,
        method: str,
        send_alone: Callable[[Outgoing], Awaitable[bytes]],
        send_batch: Callable[[pb.CallManyRequest, float], Awaitable[pb.CallManyResponse]],
        *,
        merge: bool = False,
    ) -> None:
        """Set up. `send_alone` raises AppError; `send_batch` takes a timeout in seconds and raises AioRpcError.

        `merge`: whether one call may answer all equal requests of a batch.
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
        """Return the serialized response. Raises the error that the call alone would raise."""
        try:
            async with asyncio.timeout_at(call.deadline):
                answer = await self._coalescer.submit(call)
                if isinstance(answer, ServiceUnavailable):
                    # Try again, because gRPC does not retry a call inside a batch. gRPC does retry a call that is sent
                    # alone. A call that may be merged goes into a batch again, to share its answer with equal calls.
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
                # gRPC has already retried this call.
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
            if error.code() in _BATCH_FAILURES:
                raise from_rpc_error(self._service, error) from None
            raise
        return [
            from_status(self._service, answer.status) if answer.HasField("status") else answer.response
            for answer in answers
        ]


def _merge(sending: Sequence[Outgoing]) -> dict[bytes, Outgoing]:
    """Return one call for each distinct request.

    That call has the latest deadline of the calls with this request, and a recorded trace if any of them has one.
    """
    merged: dict[bytes, Outgoing] = {}
    for call in sending:
        same = merged.setdefault(call.request, call)
        if same is not call:
            traced = call if is_sampled(call.traceparent) and not is_sampled(same.traceparent) else same
            merged[call.request] = replace(traced, deadline=max(call.deadline, same.deadline))
    return merged
