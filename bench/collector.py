"""The collector: receives spans as an OpenTelemetry collector does, counts them and drops them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as pb
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2_grpc

from deploy.local.ports import LOOPBACK

SAMPLED = "0.1"
"""The share of requests that are traced."""


class Collector(trace_service_pb2_grpc.TraceServiceServicer):
    """The number of spans received so far."""

    def __init__(self) -> None:
        self.spans = 0
        self.port = 0

    async def Export(self, request: pb.ExportTraceServiceRequest, context: object) -> pb.ExportTraceServiceResponse:
        self.spans += sum(len(scope.spans) for resource in request.resource_spans for scope in resource.scope_spans)
        return pb.ExportTraceServiceResponse()

    def environment(self, *, tracing: bool) -> dict[str, str]:
        """Return the environment variables that make a service export its spans to this collector, or record none."""
        if not tracing:
            return {"OTEL_TRACES_EXPORTER": "none"}
        return {
            "OTEL_TRACES_EXPORTER": "otlp",
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://{LOOPBACK}:{self.port}",
            "OTEL_TRACES_SAMPLER": "parentbased_traceidratio",
            "OTEL_TRACES_SAMPLER_ARG": SAMPLED,
        }


@asynccontextmanager
async def collecting() -> AsyncIterator[Collector]:
    """Run a collector."""
    collector = Collector()
    server = grpc.aio.server()
    trace_service_pb2_grpc.add_TraceServiceServicer_to_server(collector, server)
    collector.port = server.add_insecure_port(f"{LOOPBACK}:0")
    await server.start()
    try:
        yield collector
    finally:
        await server.stop(None)
