"""The way into a service: what happens to every call before and after its servicer, in one interceptor.

In order: correlation id and trace, deadline, who calls, may they, is the request valid, the servicer; then errors
become statuses, and the call is counted, timed and, when it failed, logged.

A call whose messages stream both ways has no deadline, and its servicer validates: one bad item among many may be
nobody else's affair.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator
from contextlib import aclosing, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, TypeVar, cast

import grpc
from google.protobuf.message import DecodeError, Message
from grpc_status import rpc_status
from opentelemetry.trace import SpanKind

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
from chassis.identity.revocation import Revocations
from chassis.identity.tokens import Verifier
from chassis.telemetry import HANDLING_SECONDS, current_traceparent, describe, log, span
from fairdatabase.violations import violations_of
from fairdb.options.v1.access_pb2 import AccessRule

HTTP_CODE = "x-http-code"
"""Metadata in which a service names the HTTP status of its answer, where gRPC has no word for it."""
_OPEN_SERVICES = ("/grpc.health.v1.Health/", "/grpc.reflection.v1")
_DEFAULT_DEADLINE = 30.0
_ANSWER_MARGIN = 0.02
"""Seconds kept back from the caller's deadline, so that they learn of our timeout from us."""

Servicer = Callable[[Message, grpc.aio.ServicerContext], Awaitable[Message]]
StreamServicer = Callable[[AsyncIterator[Message], grpc.aio.ServicerContext], AsyncGenerator[Message, None]]
AnyServicer = TypeVar("AnyServicer", Servicer, StreamServicer)
Authenticate = Callable[[AccessRule], Awaitable[Caller]]
"""Returns who makes a call to a method with this rule. Raises Unauthenticated."""


@dataclass(frozen=True, slots=True)
class Method(Generic[AnyServicer]):
    """A method that this server has: unary, or one whose messages stream both ways."""

    path: str
    """As gRPC writes it: "/package.Service/Method"."""
    servicer: AnyServicer
    parse: Callable[[bytes], Message]

    @classmethod
    def of(cls, path: str, handler: grpc.RpcMethodHandler) -> "Method[AnyServicer]":
        """Return the method of a handler that generated code made."""
        servicer = handler.unary_unary or handler.stream_stream
        return cls(path, cast(AnyServicer, servicer), cast(Callable[[bytes], Message], handler.request_deserializer))


UnaryMethod = Method[Servicer]
StreamMethod = Method[StreamServicer]


class Pipeline(grpc.aio.ServerInterceptor):
    """Wraps every servicer method of a server; `server` takes only kinds that this knows."""

    def __init__(self, verifier: Verifier, revocations: Revocations) -> None:
        self._verifier = verifier
        self._revocations = revocations
        self._wrapped: dict[str, grpc.RpcMethodHandler] = {}

    async def intercept_service(  # pyright: ignore[reportIncompatibleMethodOverride]  # its stub is generic for nothing
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
        # Bytes come in as they are: gRPC's own answer to bytes that are no message tells of our insides.
        form = {"request_deserializer": None, "response_serializer": handler.response_serializer}
        if handler.stream_stream is not None:
            wrapped = grpc.stream_stream_rpc_method_handler(
                partial(self._serve_stream, StreamMethod.of(method, handler)), **form
            )
        elif handler.unary_unary is not None:
            wrapped = grpc.unary_unary_rpc_method_handler(partial(self._serve, UnaryMethod.of(method, handler)), **form)
        else:
            return None
        self._wrapped[method] = wrapped
        return wrapped

    async def _serve(self, method: UnaryMethod, request: bytes, context: grpc.aio.ServicerContext) -> Message:
        metadata: dict[str, Any] = dict(context.invocation_metadata() or ())
        call = _call_of(metadata, context)
        try:
            return await self.answer(method, request, context, call, partial(self._authenticate, metadata))
        except AppError as error:
            await _abort(context, error)
            raise AssertionError("abort returns never") from None

    async def _serve_stream(
        self, method: StreamMethod, requests: AsyncIterator[bytes], context: grpc.aio.ServicerContext
    ) -> None:
        metadata: dict[str, Any] = dict(context.invocation_metadata() or ())
        call = _call_of(metadata, context)
        try:
            with _handling(method.path, call):
                await self._admit(method.path, call, partial(self._authenticate, metadata))
                # What limited the way in does not limit the stream.
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
        """Serve one call and return its answer. Raises AppError and nothing else."""
        with _handling(method.path, call):
            try:
                async with asyncio.timeout_at(call.deadline):
                    await self._admit(method.path, call, authenticate)
                    return await method.servicer(_read(method, request), context)
            except TimeoutError:
                raise DeadlineExceeded from None

    async def _admit(self, path: str, call: Call, authenticate: Authenticate) -> None:
        """Find out who calls, and whether they may. Raises Unauthenticated, AccessDenied, TokenRevoked."""
        try:
            rule = access.rule_of(path)
        except access.AccessUndeclared:
            raise AccessDenied from None
        call.caller = await authenticate(rule)
        access.authorise(rule, call.caller)

    async def _authenticate(self, metadata: dict[str, Any], rule: AccessRule) -> Caller:
        """Return who calls. What anybody may call ignores tokens, so that an expired one does not bar a new log-in."""
        if rule.anyone:
            return Caller()
        if rule.services and (token := metadata.get(call_context.SERVICE_TOKEN)):
            caller = self._verifier.service(token)
        elif authorization := metadata.get("authorization"):
            scheme, _, token = authorization.partition(" ")
            if scheme.lower() != "bearer":
                raise Unauthenticated
            caller = self._verifier.account(token.strip())
        else:
            raise Unauthenticated
        await self._revocations.check(caller)
        return caller


@contextmanager
def _handling(path: str, call: Call) -> Iterator[None]:
    """Make a call the one that is served; count, time and log what becomes of it. Raises AppError and nothing else."""
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
            log.error("call_broke", method=path, **describe(error))
            raise Internal from None
        finally:
            _, service, name = path.split("/")
            HANDLING_SECONDS.labels(service, name, code.name).observe(time.perf_counter() - started)


async def _abort(context: grpc.aio.ServicerContext, error: AppError) -> None:
    status = rpc_status.to_status(error.to_status())
    chosen = ((HTTP_CODE, error.http_code),) if error.http_code else ()
    await context.abort(status.code, status.details, (*(status.trailing_metadata or ()), *chosen))


async def _write(context: grpc.aio.ServicerContext, answer: Message) -> None:
    """Send one answer of a stream. Raises CancelledError when nobody takes it any more."""
    try:
        await context.write(answer)
    except grpc.aio.BaseError:
        # The same a moment before the call itself is cancelled.
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
    """Return the message that the bytes hold. Raises MalformedRequest, InvalidRequest."""
    message = _parse(method, request)
    if method.path == BATCH_METHOD:
        return message
    # Who stores the texts of those that come by the hundred looks through them.
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
