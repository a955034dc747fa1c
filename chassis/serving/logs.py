"""Logging: JSON lines on standard output, from our code and from libraries.

No line may contain a value of a sample or of a request. The texts of exceptions and other objects may quote what users
sent. Therefore an exception is written as its type and place, and an object that JSON cannot express as the name of its
class. Importing this module is enough to apply this rule. `set_up_logging` adds the service's name, ids and the level,
and writes in a way that never raises or waits.
"""

import json
import logging
import sys
import traceback
from collections.abc import Callable, Mapping, MutableMapping
from pathlib import Path
from typing import Any, TextIO, cast

import structlog
from opentelemetry import trace
from structlog.typing import Processor, WrappedLogger

from chassis import call_context
from chassis.serving.log_file import LogFile

log = structlog.get_logger()

_LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}
_FRAMES = 6


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

    file = cast(TextIO, LogFile(sys.stdout.fileno()))  # it has the methods that structlog calls
    _configure(level, add_context, factory=structlog.WriteLoggerFactory(file), cache=True)
    logging.basicConfig(handlers=[_LibraryLog()], level=logging.WARNING, force=True)
    # aiormq logs every lost connection, which we log ourselves.
    logging.getLogger("aiormq").setLevel(logging.ERROR)


def _configure(level: str, *processors: Processor, factory: Callable[..., WrappedLogger], cache: bool) -> None:
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *processors,
            _render,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        logger_factory=factory,
        cache_logger_on_first_use=cache,
    )


class _LibraryLog(logging.Handler):
    """Logs the place and the error type of a library's message, but not its text, which may quote what users sent."""

    def emit(self, record: logging.LogRecord) -> None:
        fields = {"error": record.exc_info[1]} if record.exc_info else {}
        log.warning("library_warning", library=record.name, at=f"{record.module}:{record.lineno}", **fields)


def _render(logger: Any, method: str, event: MutableMapping[str, Any]) -> str:
    """Return the line. An event that JSON cannot express at all is reduced to its name: logging never raises."""
    try:
        return cast(str, _to_json(logger, method, _hide_errors(event)))
    except Exception as error:
        kept = {field: event.get(field) for field in ("event", "level", "timestamp", "service")}
        return json.dumps({**kept, "unwritable": _class_name(error)}, default=_class_name)


def _hide_errors(event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Replace every exception, at any depth, by its type, and add the frames that raised it as `trace`."""
    error = _exception_of(event.pop("exc_info", None))
    if error is not None:
        event["exc_info"] = error
    errors: list[BaseException] = []
    for field, value in [*event.items()]:
        event[field] = _hide(value, errors)
    if errors:
        # Several fields may contain the same error.
        distinct = {id(error): error for error in errors}
        event["trace"] = [place for error in distinct.values() for place in _places(error)]
    return event


def _exception_of(exc_info: object) -> BaseException | None:
    """Return the exception that `exc_info` means: an exception, a tuple with one, or True for the current one."""
    if isinstance(exc_info, tuple):
        exc_info = cast("tuple[object, ...]", exc_info)[1]
    elif exc_info and not isinstance(exc_info, BaseException):
        exc_info = sys.exc_info()[1]
    return exc_info if isinstance(exc_info, BaseException) else None


def _hide(value: object, errors: list[BaseException]) -> object:
    """Return a value without its exceptions, which are added to `errors`."""
    if isinstance(value, BaseException):
        errors.append(value)
        return _type_of(value)
    if isinstance(value, Mapping):
        pairs = cast("Mapping[object, object]", value).items()
        return {key if isinstance(key, str) else _key(_hide(key, errors)): _hide(item, errors) for key, item in pairs}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_hide(item, errors) for item in cast("list[object]", value)]
    return value


def _key(key: object) -> str:
    return str(key) if isinstance(key, (str, int, float)) else _class_name(key)


def _class_name(value: object) -> str:
    return type(value).__name__


def _type_of(error: BaseException) -> str:
    """Return an error's type. A group's type lists the types of its errors: "ExceptionGroup(ValueError, OSError)"."""
    if isinstance(error, BaseExceptionGroup):
        inner = cast("BaseExceptionGroup[BaseException]", error).exceptions
        return f"{_class_name(error)}({', '.join(map(_type_of, inner))})"
    return _class_name(error)


def _places(error: BaseException) -> list[str]:
    """Return the last frames of an error. For a group, add those of each inner error, after the inner error's type."""
    frames = traceback.extract_tb(error.__traceback__)[-_FRAMES:]
    places = [f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames]
    if isinstance(error, BaseExceptionGroup):
        for inner in cast("BaseExceptionGroup[BaseException]", error).exceptions:
            places += [f"{_class_name(inner)}: {place}" for place in _places(inner)]
    return places


_to_json = structlog.processors.JSONRenderer(default=_class_name)

if not structlog.is_configured():
    _configure("info", factory=structlog.PrintLoggerFactory(), cache=False)
    # Handles the messages of libraries in programs that do not call `set_up_logging`.
    logging.lastResort = _LibraryLog(logging.WARNING)
