"""A gRPC channel for the generated stubs, through the edge."""

import grpc


def connect(target: str, access_token: str) -> grpc.aio.Channel:
    """Return a channel to the edge ("127.0.0.1:8000") whose calls carry the access token.

    Example: `await SampleServiceStub(connect(target, token)).GetSample(GetSampleRequest(id=...))`.
    """
    # Two objects: grpc registers an interceptor of several kinds for one of them only.
    return grpc.aio.insecure_channel(target, interceptors=[_Unary(access_token), _Stream(access_token)])


class _Authorization:
    def __init__(self, access_token: str) -> None:
        self._entry = ("authorization", f"Bearer {access_token}")

    def _authorised(self, client_call_details):  # grpc types none of it
        metadata = [*(client_call_details.metadata or ()), self._entry]
        return client_call_details._replace(metadata=grpc.aio.Metadata(*metadata))


class _Unary(_Authorization, grpc.aio.UnaryUnaryClientInterceptor):
    async def intercept_unary_unary(self, continuation, client_call_details, request):
        return await continuation(self._authorised(client_call_details), request)


class _Stream(_Authorization, grpc.aio.StreamStreamClientInterceptor):
    async def intercept_stream_stream(self, continuation, client_call_details, request_iterator):
        return await continuation(self._authorised(client_call_details), request_iterator)
