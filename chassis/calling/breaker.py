"""The circuit breaker of one callee: after five consecutive transport failures, calls fail at once for two seconds."""

import time

import structlog
from prometheus_client import Gauge

from chassis.errors import NotSent

log = structlog.get_logger()

BREAKER_STATE = Gauge("circuit_breaker_state", "0 closed, 1 half-open, 2 open.", ["service"])

FAILURES_TO_OPEN = 5
OPEN_SECONDS = 2.0
CLOSED, HALF_OPEN, OPEN = 0, 1, 2


class Breaker:
    """Closed: calls pass. Open: they fail. Half-open: one call passes, and its result closes or opens the breaker."""

    def __init__(self, service: str, open_seconds: float = OPEN_SECONDS) -> None:
        self._service = service
        self._open_seconds = open_seconds
        self._failures = 0
        self._probe_at = 0.0
        self._move(CLOSED)

    @property
    def state(self) -> int:
        """0 closed, 1 half-open, 2 open."""
        return self._state

    def before_call(self) -> None:
        """Let a call pass, or raise NotSent."""
        if self._state == CLOSED:
            return
        now = time.monotonic()
        if now < self._probe_at:
            raise NotSent(service=self._service)
        # A cancelled probe reports no result, so allow another one after the same time.
        self._probe_at = now + self._open_seconds
        self._move(HALF_OPEN)

    def succeeded(self) -> None:
        """Record that the callee answered, even if with an error."""
        self._failures = 0
        if self._state != CLOSED:
            self._move(CLOSED)

    def failed(self) -> None:
        """Record that the callee is unavailable."""
        self._failures += 1
        if self._state == HALF_OPEN or self._failures >= FAILURES_TO_OPEN:
            self._probe_at = time.monotonic() + self._open_seconds
            self._move(OPEN)

    def reset(self) -> None:
        """Close, because the callee has new addresses."""
        self.succeeded()

    def _move(self, state: int) -> None:
        if getattr(self, "_state", CLOSED) != state:
            log.warning("breaker_changed", callee=self._service, state=("closed", "half-open", "open")[state])
        self._state = state
        BREAKER_STATE.labels(self._service).set(state)
