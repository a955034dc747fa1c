"""OpenTelemetry traces. Spans name methods, event types and services, never a value of a sample or of a request.

Traces are on when OTEL_TRACES_EXPORTER ("otlp" or "console") or OTEL_EXPORTER_OTLP_ENDPOINT is set; sampling follows
OTEL_TRACES_SAMPLER and OTEL_TRACES_SAMPLER_ARG.
"""

import os
import sys
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from opentelemetry import propagate, trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter, SpanExporter
from opentelemetry.sdk.trace.sampling import ParentBased
from opentelemetry.trace import SpanKind
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

_propagator = TraceContextTextMapPropagator()
tracer = trace.get_tracer("fairdb")
_NO_SPAN = nullcontext()


def set_up_tracing(service: str) -> TracerProvider | None:
    """Set up the export of spans if the environment configures one; otherwise return None."""
    exporter = _exporter()
    if exporter is None:
        return None
    propagate.set_global_textmap(_propagator)
    provider = TracerProvider(resource=Resource.create({"service.name": service}))
    provider.add_span_processor(BatchSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    return provider


def _exporter() -> SpanExporter | None:
    kind = os.environ.get("OTEL_TRACES_EXPORTER", "otlp" if "OTEL_EXPORTER_OTLP_ENDPOINT" in os.environ else "none")
    if kind == "console":
        return ConsoleSpanExporter(out=sys.stdout, formatter=lambda span: span.to_json(indent=None) + "\n")
    if kind == "otlp":
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter

        return OTLPSpanExporter()
    return None


def span(name: str, kind: SpanKind, traceparent: str = "", *, inside: bool = False) -> AbstractContextManager[Any]:
    """Open a span as a child of the one that `traceparent` names or, with `inside`, of the current one.

    If the caller does not record its trace, create no span. OpenTelemetry would decide this again for every span, which
    takes longer than many calls.
    """
    provider = trace.get_tracer_provider()
    if not isinstance(provider, TracerProvider) or (
        traceparent and not is_sampled(traceparent) and isinstance(provider.sampler, ParentBased)
    ):
        return _NO_SPAN
    context = None if inside else parent_context(traceparent)
    return tracer.start_as_current_span(name, context=context, kind=kind, record_exception=False)


def parent_context(traceparent: str) -> Any:
    """Return the OpenTelemetry context that a `traceparent` names.

    `tracestate` is ignored, because it is free text that could contain personal data.
    """
    return _propagator.extract({"traceparent": traceparent}) if traceparent else None


def current_traceparent(fallback: str) -> str:
    """Return the `traceparent` to send on: that of the current span, or `fallback` if there is no span."""
    if not trace.get_current_span().get_span_context().is_valid:
        return fallback
    carrier: dict[str, str] = {}
    _propagator.inject(carrier)
    return carrier.get("traceparent", fallback)


def is_sampled(traceparent: str) -> bool:
    """Return whether a `traceparent` belongs to a recorded trace. False for ""."""
    return traceparent[-1:] in ("1", "3", "5", "7", "9", "b", "d", "f")
