"""A gRPC channel for the generated stubs, through the edge."""

from collections.abc import AsyncIterable, Awaitable, Callable, Iterable
from typing import Any

import grpc
from grpc.aio import ClientCallDetails, StreamStreamCall, UnaryUnaryCall


def connect(target: str, access_token: str) -> grpc.aio.Channel:
    """Return a channel to the edge ("127.0.0.1:8000") whose calls carry the access token.

    Example: `await SampleServiceStub(connect(target, token)).GetSample(GetSampleRequest(id=...))`.
    """
    # Two objects, because grpc registers an interceptor for one kind of call only.
    return grpc.aio.insecure_channel(target, interceptors=[_Unary(access_token), _Stream(access_token)])


class _Authorization:
    def __init__(self, access_token: str) -> None:
        self._entry = ("authorization", f"Bearer {access_token}")

    def _authorised(self, details: ClientCallDetails) -> ClientCallDetails:
        metadata = grpc.aio.Metadata(*(details.metadata or ()), self._entry)
        return ClientCallDetails(details.method, details.timeout, metadata, details.credentials, details.wait_for_ready)


class _Unary(_Authorization, grpc.aio.UnaryUnaryClientInterceptor):
    async def intercept_unary_unary(
        self,
        continuation: Callable[[ClientCallDetails, Any], Awaitable[UnaryUnaryCall[Any, Any]]],
        client_call_details: ClientCallDetails,
        request: Any,
    ) -> UnaryUnaryCall[Any, Any]:
        return await continuation(self._authorised(client_call_details), request)


class _Stream(_Authorization, grpc.aio.StreamStreamClientInterceptor):
    async def intercept_stream_stream(
        self,
        continuation: Callable[
            [ClientCallDetails, AsyncIterable[Any] | Iterable[Any]], Awaitable[StreamStreamCall[Any, Any]]
        ],
        client_call_details: ClientCallDetails,
        request_iterator: AsyncIterable[Any] | Iterable[Any],
    ) -> StreamStreamCall[Any, Any]:
        return await continuation(self._authorised(client_call_details), request_iterator)
