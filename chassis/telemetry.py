"""What a service shows of itself: JSON logs, Prometheus metrics, OpenTelemetry traces.

Nothing here may carry a value of a sample or of a request: logs and spans name methods, codes, ids and types only.
Traces are on when OTEL_TRACES_EXPORTER ("otlp" or "console") or OTEL_EXPORTER_OTLP_ENDPOINT is set; sampling follows
OTEL_TRACES_SAMPLER and OTEL_TRACES_SAMPLER_ARG.
"""

import logging
import os
import sys
import traceback
from collections.abc import MutableMapping
from contextlib import AbstractContextManager, nullcontext
from types import ModuleType
from typing import Any, cast

from opentelemetry import propagate, trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter, SpanExporter
from opentelemetry.sdk.trace.sampling import ParentBased
from opentelemetry.trace import SpanKind
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from prometheus_client import Counter, Gauge, Histogram, start_http_server

from chassis import call_context

# Where rich is installed, as it is for the command, structlog loads it to draw tracebacks. No log here has one, and
# each process would take 4 MB more.
_rich = sys.modules.setdefault("rich", cast(ModuleType, None))
try:
    import structlog
finally:
    if not _rich:
        del sys.modules["rich"]

HANDLING_SECONDS = Histogram(
    "grpc_server_handling_seconds",
    "Time from a call's arrival to its answer.",
    ["grpc_service", "grpc_method", "grpc_code"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
BREAKER_STATE = Gauge("circuit_breaker_state", "0 closed, 1 half-open, 2 open.", ["service"])
EVENTS_PROCESSED = Counter("events_processed_total", "Events that a consumer dealt with.", ["type", "outcome"])
OUTBOX_PENDING = Gauge("outbox_pending", "Events that are durable and not yet published.")

log: structlog.stdlib.BoundLogger = structlog.get_logger()

_LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}
_propagator = TraceContextTextMapPropagator()
tracer = trace.get_tracer("fairdb")
_NO_SPAN = nullcontext()


def set_up_logging(service: str, level: str) -> None:
    """Write JSON lines to standard output, ours and the libraries' alike."""

    def add_context(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        event["service"] = service
        call = call_context.peek()
        if call is not None:
            event["correlation_id"] = call.correlation_id
        span = trace.get_current_span().get_span_context()
        if span.is_valid:
            event["trace_id"] = f"{span.trace_id:032x}"
        return event

    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            add_context,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        logger_factory=structlog.PrintLoggerFactory(),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(handlers=[_LibraryLog()], level=logging.WARNING, force=True)
    # It warns of every lost connection, and so do we.
    logging.getLogger("aiormq").setLevel(logging.ERROR)


class _LibraryLog(logging.Handler):
    """Passes on where a library logged and which error it met, and never its text: that may quote what users sent."""

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        log.warning("library_warning", library=record.name, at=f"{record.module}:{record.lineno}", **describe(error))


def describe(error: BaseException | None) -> dict[str, Any]:
    """Return an error's type and place, without its text: that may quote what users sent."""
    if error is None:
        return {}
    frames = traceback.extract_tb(error.__traceback__)[-6:]
    return {
        "error": type(error).__name__,
        "trace": [f"{os.path.basename(frame.filename)}:{frame.lineno} {frame.name}" for frame in frames],
    }


def set_up_tracing(service: str) -> TracerProvider | None:
    """Export spans as the environment says; without a word from it, none are made."""
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
    """Trace what is done meanwhile, as a child of what `traceparent` names; `inside` says: of the current span.

    Where the caller has decided that its trace is not recorded, nothing is done: to find that out again in every span
    takes OpenTelemetry longer than many a call.
    """
    provider = trace.get_tracer_provider()
    if not isinstance(provider, TracerProvider) or (
        traceparent and not is_sampled(traceparent) and isinstance(provider.sampler, ParentBased)
    ):
        return _NO_SPAN
    context = None if inside else parent_context(traceparent)
    return tracer.start_as_current_span(name, context=context, kind=kind, record_exception=False)


def parent_context(traceparent: str) -> Any:
    """Return the OpenTelemetry context that a `traceparent` names. `tracestate` is ignored: it is free text."""
    return _propagator.extract({"traceparent": traceparent}) if traceparent else None


def current_traceparent(fallback: str) -> str:
    """Return the `traceparent` to send on: the current span's, or what came in when nothing is traced here."""
    if not trace.get_current_span().get_span_context().is_valid:
        return fallback
    carrier: dict[str, str] = {}
    _propagator.inject(carrier)
    return carrier.get("traceparent", fallback)


def is_sampled(traceparent: str) -> bool:
    """Tell whether the trace that a `traceparent` names is recorded; "" names none."""
    return traceparent[-1:] in ("1", "3", "5", "7", "9", "b", "d", "f")


def serve_metrics(host: str, port: int) -> Any:
    """Serve /metrics; returns the server, to be shut down."""
    server, _ = start_http_server(port, host)
    return server
