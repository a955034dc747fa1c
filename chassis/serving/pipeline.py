"""The server's interceptor: everything that happens to a call before and after its servicer.

In order: correlation id and trace, deadline, authentication, authorisation, validation, the servicer. Afterwards errors
become statuses, and the call is counted, timed and, if it failed, logged.

A bidirectional stream has no deadline. Its servicer validates each item, so that an invalid item fails alone.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator
from contextlib import aclosing, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, TypeVar, cast

import grpc
import structlog
from google.protobuf.message import DecodeError, Message
from grpc_status import rpc_status
from opentelemetry.trace import SpanKind
from prometheus_client import Histogram

from chassis import call_context
from chassis.call_context import Call, Caller
from chassis.calling.batch_client import BATCH_METHOD
from chassis.errors import (
    AccessDenied,
    AppError,
    DeadlineExceeded,
    Internal,
    InvalidRequest,
    MalformedRequest,
    Unauthenticated,
)
from chassis.identity import access
from chassis.identity.certificates import EDGE, OPERATOR
from chassis.identity.revocation import Revocations
from chassis.identity.tokens import Verifier
from chassis.identity.transport import PeerUnknown, Transport
from chassis.serving.account_calls import AccountCalls
from chassis.tracing import current_traceparent, span
from fairdatabase.violations import violations_of
from fairdb.options.v1.access_pb2 import AccessRule

log = structlog.get_logger()

HANDLING_SECONDS = Histogram(
    "grpc_server_handling_seconds",
    "Time from a call's arrival to its answer.",
    ["grpc_service", "grpc_method", "grpc_code"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)

HTTP_CODE = "x-http-code"
"""Metadata with the HTTP status of the response, if no gRPC code maps to that status."""
_OPEN_SERVICES = ("/grpc.health.v1.Health/", "/grpc.reflection.v1")
_FOR_CLIENTS = (EDGE, OPERATOR)
"""Whose connections bring the calls of clients."""
_DEFAULT_DEADLINE = 30.0
_ANSWER_MARGIN = 0.02
"""Seconds subtracted from the caller's deadline, so that the caller receives our timeout error."""

Servicer = Callable[[Message, grpc.aio.ServicerContext], Awaitable[Message]]
StreamServicer = Callable[[AsyncIterator[Message], grpc.aio.ServicerContext], AsyncGenerator[Message, None]]
AnyServicer = TypeVar("AnyServicer", Servicer, StreamServicer)
Authenticate = Callable[[AccessRule], Awaitable[Caller]]
"""Returns the caller of a method with this access rule. Raises Unauthenticated."""


@dataclass(frozen=True, slots=True)
class Method(Generic[AnyServicer]):
    """A method of this server: unary, or streaming both ways."""

    path: str
    """In gRPC's form: "/package.Service/Method"."""
    servicer: AnyServicer
    parse: Callable[[bytes], Message]

    @classmethod
    def of(cls, path: str, handler: grpc.RpcMethodHandler) -> "Method[AnyServicer]":
        """Return the method of a handler from generated code."""
        servicer = handler.unary_unary or handler.stream_stream
        return cls(path, cast(AnyServicer, servicer), cast(Callable[[bytes], Message], handler.request_deserializer))


UnaryMethod = Method[Servicer]
StreamMethod = Method[StreamServicer]


class Pipeline(grpc.aio.ServerInterceptor):
    """Wraps every servicer method of a server, except those of health and reflection."""

    def __init__(self, verifier: Verifier, revocations: Revocations, transport: Transport, calls: AccountCalls) -> None:
        self._calls = calls
        self._verifier = verifier
        self._transport = transport
        self._revocations = revocations
        self._wrapped: dict[str, grpc.RpcMethodHandler] = {}

    async def intercept_service(  # pyright: ignore[reportIncompatibleMethodOverride]  # grpc's type stub is needlessly generic
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[grpc.RpcMethodHandler | None]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler | None:
        method: str = handler_call_details.method
        wrapped = self._wrapped.get(method)
        if wrapped is not None:
            return wrapped
        handler = await continuation(handler_call_details)
        if handler is None or method.startswith(_OPEN_SERVICES):
            return handler
        # The pipeline parses the request itself: gRPC's own error for malformed bytes would reveal internals.
        codec = {"request_deserializer": None, "response_serializer": handler.response_serializer}
        if handler.stream_stream is not None:
            wrapped = grpc.stream_stream_rpc_method_handler(
                partial(self._serve_stream, StreamMethod.of(method, handler)), **codec
            )
        elif handler.unary_unary is not None:
            wrapped = grpc.unary_unary_rpc_method_handler(
                partial(self._serve, UnaryMethod.of(method, handler)), **codec
            )
        else:
            return None
        self._wrapped[method] = wrapped
        return wrapped

    async def _serve(self, method: UnaryMethod, request: bytes, context: grpc.aio.ServicerContext) -> Message:
        metadata: dict[str, Any] = dict(context.invocation_metadata() or ())
        call = _call_of(metadata, context)
        try:
            return await self.answer(method, request, context, call, partial(self._authenticate, metadata, context))
        except AppError as error:
            await _abort(context, error)
            raise AssertionError("abort never returns") from None

    async def _serve_stream(
        self, method: StreamMethod, requests: AsyncIterator[bytes], context: grpc.aio.ServicerContext
    ) -> None:
        metadata: dict[str, Any] = dict(context.invocation_metadata() or ())
        call = _call_of(metadata, context)
        try:
            with _handling(method.path, call):
                await self._admit(method.path, call, partial(self._authenticate, metadata, context))
                # The deadline limited only the checks above; the stream itself has none.
                call.deadline = None
                async with aclosing(method.servicer(_read_each(method, requests), context)) as answers:
                    async for answer in answers:
                        await _write(context, answer)
        except AppError as error:
            await _abort(context, error)

    async def answer(
        self,
        method: UnaryMethod,
        request: bytes,
        context: grpc.aio.ServicerContext,
        call: Call,
        authenticate: Authenticate,
    ) -> Message:
        """Serve one call and return its response. Raises only AppError."""
        with _handling(method.path, call):
            try:
                async with asyncio.timeout_at(call.deadline):
                    await self._admit(method.path, call, authenticate)
                    return await method.servicer(_read(method, request), context)
            except TimeoutError:
                raise DeadlineExceeded from None

    async def _admit(self, path: str, call: Call, authenticate: Authenticate) -> None:
        """Authenticate and authorise the caller. Raises Unauthenticated, AccessDenied, TokenRevoked."""
        try:
            rule = access.rule_of(path)
        except access.AccessUndeclared:
            raise AccessDenied from None
        call.caller = await authenticate(rule)
        access.authorise(rule, call.caller)

    async def _authenticate(
        self, metadata: dict[str, Any], context: grpc.aio.ServicerContext, rule: AccessRule
    ) -> Caller:
        """Return the caller. Public methods ignore tokens, so that an expired one does not prevent a new log-in.

        Clients' calls come through the edge. A service that sends one itself has stolen the client's token.
        """
        try:
            peer = self._transport.peer(context)
        except PeerUnknown:
            raise Unauthenticated from None
        of_client = peer is None or peer.name in _FOR_CLIENTS
        if rule.anyone and of_client:
            return Caller()
        if rule.services and (token := metadata.get(call_context.SERVICE_TOKEN)):
            caller = self._verifier.service(token, peer)
        elif not of_client:
            raise Unauthenticated
        elif authorization := metadata.get("authorization"):
            scheme, _, token = authorization.partition(" ")
            if scheme.lower() != "bearer":
                raise Unauthenticated
            caller = self._verifier.account(token.strip())
        else:
            raise Unauthenticated
        await self._revocations.check(caller)
        self._calls.admit(caller, context)
        return caller


@contextmanager
def _handling(path: str, call: Call) -> Iterator[None]:
    """Make `call` the current one; count, time and log it. Raises only AppError."""
    started = time.perf_counter()
    call_context.enter(call)
    code = grpc.StatusCode.OK
    with span(path, SpanKind.SERVER, call.traceparent) as recorded:
        if recorded is not None:
            call.traceparent = current_traceparent(call.traceparent)
        try:
            yield
        except AppError as error:
            code = error.code
            log.info("call_failed", method=path, code=code.name, reason=error.reason)
            raise
        except asyncio.CancelledError:
            code = grpc.StatusCode.CANCELLED
            raise
        except Exception as error:
            code = grpc.StatusCode.INTERNAL
            log.error("call_crashed", method=path, error=error)
            raise Internal from None
        finally:
            _, service, name = path.split("/")
            HANDLING_SECONDS.labels(service, name, code.name).observe(time.perf_counter() - started)


async def _abort(context: grpc.aio.ServicerContext, error: AppError) -> None:
    status = rpc_status.to_status(error.to_status())
    chosen = ((HTTP_CODE, error.http_code),) if error.http_code else ()
    await context.abort(status.code, status.details, (*(status.trailing_metadata or ()), *chosen))


async def _write(context: grpc.aio.ServicerContext, answer: Message) -> None:
    """Send one message of a stream. Raises CancelledError when the client is gone."""
    try:
        await context.write(answer)
    except grpc.aio.BaseError:
        # The client is gone; gRPC cancels this call a moment later.
        raise asyncio.CancelledError from None


async def _read_each(method: StreamMethod, requests: AsyncIterator[bytes]) -> AsyncIterator[Message]:
    """Yield the messages of a stream. Raises MalformedRequest."""
    async for request in requests:
        yield _parse(method, request)


def _parse(method: UnaryMethod | StreamMethod, request: bytes) -> Message:
    try:
        return method.parse(request)
    except DecodeError:
        raise MalformedRequest from None


def _read(method: UnaryMethod, request: bytes) -> Message:
    """Return the parsed and validated message. Raises MalformedRequest, InvalidRequest."""
    message = _parse(method, request)
    if method.path == BATCH_METHOD:
        return message
    # Batched methods skip the NUL scan; the storing service does it.
    if violations := violations_of(message, look_for_nul=not access.is_batched(method.path)):
        raise InvalidRequest(violations=violations)
    return message


def _call_of(metadata: dict[str, Any], context: grpc.aio.ServicerContext) -> Call:
    remaining = context.time_remaining()
    seconds = _DEFAULT_DEADLINE if remaining is None else min(remaining, _DEFAULT_DEADLINE)
    return Call(
        correlation_id=call_context.accept_correlation_id(metadata.get(call_context.CORRELATION_ID)),
        deadline=asyncio.get_running_loop().time() + seconds - _ANSWER_MARGIN,
        traceparent=call_context.accept_traceparent(metadata.get(call_context.TRACEPARENT)),
    )
