"""The way into a service: what happens to every call before and after its servicer, in one interceptor.

In order: correlation id and trace, deadline, who calls, may they, is the request valid, the servicer; then errors
become statuses, and the call is counted, timed and, when it failed, logged.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

import grpc
from google.protobuf.message import DecodeError, Message
from grpc_status import rpc_status
from opentelemetry.trace import SpanKind

from chassis import access, calls
from chassis.calls import Call, Caller
from chassis.errors import (
    AccessDenied,
    AppError,
    DeadlineExceeded,
    Internal,
    InvalidRequest,
    MalformedRequest,
    Unauthenticated,
)
from chassis.revocation import Revocations
from chassis.telemetry import HANDLING_SECONDS, current_traceparent, describe, log, span
from chassis.tokens import Verifier
from chassis.violations import violations_of
from fairdb.options.v1.access_pb2 import AccessRule

SERVICE_TOKEN = "x-service-token"
_OPEN_SERVICES = ("/grpc.health.v1.Health/", "/grpc.reflection.v1")
_DEFAULT_DEADLINE = 30.0
_ANSWER_MARGIN = 0.02
"""Seconds kept back from the caller's deadline, so that they learn of our timeout from us."""

BATCH = "/fairdb.batch.v1.BatchService/CallMany"
"""Carries other methods' requests, and each of those is validated by itself."""

Servicer = Callable[[Message, grpc.aio.ServicerContext], Awaitable[Message]]
Authenticate = Callable[[AccessRule], Awaitable[Caller]]
"""Returns who makes a call to a method with this rule. Raises Unauthenticated."""


@dataclass(frozen=True, slots=True)
class Method:
    """A unary method that this server has."""

    path: str
    """As gRPC writes it: "/package.Service/Method"."""
    servicer: Servicer
    parse: Callable[[bytes], Message]

    @classmethod
    def of(cls, path: str, handler: grpc.RpcMethodHandler) -> "Method":
        """Return the method of a handler that generated code made."""
        return cls(
            path, cast(Servicer, handler.unary_unary), cast(Callable[[bytes], Message], handler.request_deserializer)
        )


class Pipeline(grpc.aio.ServerInterceptor):
    """Wraps every unary servicer method of a server."""

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
        if handler is None or handler.unary_unary is None or method.startswith(_OPEN_SERVICES):
            return handler
        wrapped = grpc.unary_unary_rpc_method_handler(
            partial(self._serve, Method.of(method, handler)),
            # Bytes come in as they are: gRPC's own answer to bytes that are no message tells of our insides.
            request_deserializer=None,
            response_serializer=handler.response_serializer,
        )
        self._wrapped[method] = wrapped
        return wrapped

    async def _serve(self, method: Method, request: bytes, context: grpc.aio.ServicerContext) -> Message:
        metadata: dict[str, Any] = dict(context.invocation_metadata() or ())
        call = _call_of(metadata, context)
        try:
            return await self.answer(method, request, context, call, partial(self._authenticate, metadata))
        except AppError as error:
            status = rpc_status.to_status(error.to_status())
            await context.abort(status.code, status.details, status.trailing_metadata)
            raise AssertionError("abort returns never") from None

    async def answer(
        self,
        method: Method,
        request: bytes,
        context: grpc.aio.ServicerContext,
        call: Call,
        authenticate: Authenticate,
    ) -> Message:
        """Serve one call and return its answer. Raises AppError and nothing else."""
        started = time.perf_counter()
        calls.enter(call)
        code = grpc.StatusCode.OK
        with span(method.path, SpanKind.SERVER, call.traceparent):
            call.traceparent = current_traceparent(call.traceparent)
            try:
                return await self._answer(method, request, context, call, authenticate)
            except AppError as error:
                code = error.code
                log.info("call_failed", method=method.path, code=code.name, reason=error.reason)
                raise
            except asyncio.CancelledError:
                code = grpc.StatusCode.CANCELLED
                raise
            except Exception as error:
                code = grpc.StatusCode.INTERNAL
                log.error("call_broke", method=method.path, **describe(error))
                raise Internal from None
            finally:
                _, service, name = method.path.split("/")
                HANDLING_SECONDS.labels(service, name, code.name).observe(time.perf_counter() - started)

    async def _answer(
        self,
        method: Method,
        request: bytes,
        context: grpc.aio.ServicerContext,
        call: Call,
        authenticate: Authenticate,
    ) -> Message:
        try:
            rule = access.rule_of(method.path)
        except access.AccessUndeclared:
            raise AccessDenied from None
        try:
            async with asyncio.timeout_at(call.deadline):
                call.caller = await authenticate(rule)
                access.authorise(rule, call.caller)
                return await method.servicer(_read(method, request), context)
        except TimeoutError:
            raise DeadlineExceeded from None

    async def _authenticate(self, metadata: dict[str, Any], rule: AccessRule) -> Caller:
        """Return who calls. What anybody may call ignores tokens, so that an expired one does not bar a new log-in."""
        if rule.anyone:
            return Caller()
        if rule.services and (token := metadata.get(SERVICE_TOKEN)):
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


def _read(method: Method, request: bytes) -> Message:
    """Return the message that the bytes hold. Raises MalformedRequest, InvalidRequest."""
    try:
        message = method.parse(request)
    except DecodeError:
        raise MalformedRequest from None
    if method.path != BATCH and (violations := violations_of(message)):
        raise InvalidRequest(violations=violations)
    return message


def _call_of(metadata: dict[str, Any], context: grpc.aio.ServicerContext) -> Call:
    remaining = context.time_remaining()
    seconds = _DEFAULT_DEADLINE if remaining is None else min(remaining, _DEFAULT_DEADLINE)
    return Call(
        correlation_id=calls.accept_correlation_id(metadata.get(calls.CORRELATION_ID)),
        deadline=asyncio.get_running_loop().time() + seconds - _ANSWER_MARGIN,
        traceparent=calls.accept_traceparent(metadata.get(calls.TRACEPARENT)),
    )
