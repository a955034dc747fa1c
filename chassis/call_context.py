"""The call being served: its caller, deadline and ids. Kept in a context variable."""

import asyncio
import re
from contextvars import ContextVar
from dataclasses import dataclass, field
from uuid import uuid4

from fairdb.options.v1.access_pb2 import Principal

CORRELATION_ID = "x-correlation-id"
TRACEPARENT = "traceparent"
SERVICE_TOKEN = "x-service-token"  # noqa: S105 - the name of a header

_TRACEPARENT = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


@dataclass(frozen=True, slots=True)
class Caller:
    """The caller: an account, a service, or unknown."""

    user_id: str | None = None
    roles: frozenset[int] = frozenset()
    session_id: str | None = None
    account_since: float = 0.0
    """Unix time at which the account was registered; 0 if unknown."""
    token_id: str | None = None
    token_expires: float = 0.0
    """Unix time at which the token stops being accepted."""
    service: str | None = None

    @property
    def principal(self) -> Principal:
        """The account, in the form that other services receive."""
        if self.user_id is None:
            raise RuntimeError("only an RPC for accounts has a principal")
        return Principal(user_id=self.user_id, roles=sorted(self.roles))  # pyright: ignore[reportArgumentType]

    @property
    def actor(self) -> str:
        """The caller's name in events and audit rows."""
        return self.user_id or f"service:{self.service or 'unknown'}"


@dataclass(slots=True)
class Call:
    """One call being served."""

    correlation_id: str = field(default_factory=lambda: str(uuid4()))
    deadline: float | None = None
    """On the event loop's clock."""
    traceparent: str = ""
    caller: Caller = field(default_factory=Caller)

    def time_remaining(self) -> float | None:
        """Return the seconds until the deadline, or None without one."""
        if self.deadline is None:
            return None
        return self.deadline - asyncio.get_running_loop().time()


_current: ContextVar[Call | None] = ContextVar("call", default=None)


def current() -> Call:
    """Return the call being served. A background task serves none and gets a new call without a deadline."""
    call = _current.get()
    if call is None:
        call = Call()
        _current.set(call)
    return call


def peek() -> Call | None:
    """Return the call being served, or None outside one."""
    return _current.get()


def enter(call: Call) -> None:
    """Make `call` the current one of this task."""
    _current.set(call)


def accept_correlation_id(value: str | None) -> str:
    """Return the id if it is a UUID, else a new one: other text could bring personal data into our logs."""
    if value is not None and _UUID.fullmatch(value.lower()):
        return value.lower()
    return str(uuid4())


def accept_traceparent(value: str | None) -> str:
    """Return the value if it is a W3C trace context, else ""."""
    return value if value is not None and _TRACEPARENT.fullmatch(value) else ""
