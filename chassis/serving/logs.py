"""Logging: JSON lines on standard output, from our code and from libraries.

No line may carry a value of a sample or of a request. An exception passed as a field is therefore written as its type
and place; its text may quote what users sent.
"""

import logging
import traceback
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

import structlog
from opentelemetry import trace

from chassis import call_context

log = structlog.get_logger()

_LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}


def set_up_logging(service: str, level: str) -> None:
    """Write JSON lines to standard output, for our code and for libraries."""

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
            hide_error_text,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        logger_factory=structlog.PrintLoggerFactory(),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(handlers=[_LibraryLog()], level=logging.WARNING, force=True)
    # aiormq warns of every lost connection, and so do we.
    logging.getLogger("aiormq").setLevel(logging.ERROR)


class _LibraryLog(logging.Handler):
    """Logs where a library logged and which error it met, but not its text: that may quote what users sent."""

    def emit(self, record: logging.LogRecord) -> None:
        fields = {"error": record.exc_info[1]} if record.exc_info else {}
        log.warning("library_warning", library=record.name, at=f"{record.module}:{record.lineno}", **fields)


def hide_error_text(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Replace every exception by its type, and add the frames that raised it as `trace`."""
    for field, error in [*event.items()]:
        if isinstance(error, BaseException):
            frames = traceback.extract_tb(error.__traceback__)[-6:]
            event[field] = type(error).__name__
            event["trace"] = [f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames]
    return event
