"""A gRPC channel for the generated stubs, through the edge."""

import grpc


def connect(target: str, access_token: str) -> grpc.aio.Channel:
    """Return a channel to the edge ("127.0.0.1:8000") whose calls carry the access token.

    Example: `await SampleServiceStub(connect(target, token)).GetSample(GetSampleRequest(id=...))`.
    """
    return grpc.aio.insecure_channel(target, interceptors=[_Authorization(access_token)])


class _Authorization(grpc.aio.UnaryUnaryClientInterceptor):
    def __init__(self, access_token: str) -> None:
        self._entry = ("authorization", f"Bearer {access_token}")

    async def intercept_unary_unary(self, continuation, client_call_details, request):  # grpc types none of it
        metadata = [*(client_call_details.metadata or ()), self._entry]
        details = client_call_details._replace(metadata=grpc.aio.Metadata(*metadata))  # pyright: ignore
        return await continuation(details, request)
