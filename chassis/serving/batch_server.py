"""Serves calls that arrive together in one request, each as if it had arrived alone."""

import asyncio
from collections.abc import Mapping, Sequence

import grpc

from chassis import call_context
from chassis.call_context import Call, Caller
from chassis.errors import AppError, InvalidRequest
from chassis.identity import access
from chassis.serving.pipeline import Pipeline, UnaryMethod
from fairdatabase.violations import Violation
from fairdb.batch.v1 import batch_service_pb2 as pb
from fairdb.batch.v1 import batch_service_pb2_grpc
from fairdb.options.v1.access_pb2 import AccessRule

CALL_LIMIT = 500


class NotBatched(AppError):
    """This method does not accept batched calls, or does not exist."""

    code = grpc.StatusCode.UNIMPLEMENTED


class BatchServicer(batch_service_pb2_grpc.BatchServiceServicer):
    """Serves many calls at once, to methods that declare the option `batched` in their proto.

    It has a server's methods for registration, so that generated code can add a service's methods to it.
    """

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        self._methods: dict[str, UnaryMethod] = {}

    def add_registered_method_handlers(self, service: str, handlers: Mapping[str, grpc.RpcMethodHandler]) -> None:
        """Add the batched methods of a service."""
        for name, handler in handlers.items():
            method = f"/{service}/{name}"
            if access.is_batched(method):
                self._methods[method] = UnaryMethod.of(method, handler)

    def add_generic_rpc_handlers(self, handlers: Sequence[grpc.GenericRpcHandler]) -> None:
        """Ignore these: generated code passes the registered handlers again."""

    async def CallMany(self, request: pb.CallManyRequest, context: grpc.aio.ServicerContext) -> pb.CallManyResponse:
        if len(request.calls) > CALL_LIMIT:
            raise InvalidRequest(violations=[Violation("calls", f"must be at most {CALL_LIMIT}")])
        caller = call_context.current().caller
        answers = await asyncio.gather(*(self._answer(item, caller, context) for item in request.calls))
        return pb.CallManyResponse(answers=answers)

    async def _answer(self, item: pb.Call, caller: Caller, context: grpc.aio.ServicerContext) -> pb.Answer:
        async def authenticate(rule: AccessRule) -> Caller:
            return caller

        call = Call(
            correlation_id=call_context.accept_correlation_id(item.correlation_id),
            deadline=asyncio.get_running_loop().time() + item.timeout.seconds + item.timeout.nanos / 1e9,
            traceparent=call_context.accept_traceparent(item.traceparent),
        )
        try:
            method = self._methods.get(item.method)
            if method is None:
                raise NotBatched
            response = await self._pipeline.answer(method, item.request, context, call, authenticate)
        except AppError as error:
            return pb.Answer(status=error.to_status())
        return pb.Answer(response=response.SerializeToString())
