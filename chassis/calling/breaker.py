"""The circuit breaker of one callee: after five transport failures in a row, calls fail at once for two seconds."""

import time

from chassis.errors import NotSent
from chassis.telemetry import BREAKER_STATE, log

FAILURES_TO_OPEN = 5
OPEN_SECONDS = 2.0
CLOSED, HALF_OPEN, OPEN = 0, 1, 2


class Breaker:
    """Closed: calls pass. Open: they fail. Half-open: one call passes and decides."""

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
        """Let a call pass, or raise NotSent, a ServiceUnavailable that says that nothing was sent."""
        if self._state == CLOSED:
            return
        now = time.monotonic()
        if now < self._probe_at:
            raise NotSent(service=self._service)
        # A probe whose caller is cancelled reports nothing, so another may follow after the same time.
        self._probe_at = now + self._open_seconds
        self._move(HALF_OPEN)

    def succeeded(self) -> None:
        """Note that the callee answered, be it with an error of its own."""
        self._failures = 0
        if self._state != CLOSED:
            self._move(CLOSED)

    def failed(self) -> None:
        """Note that the callee is away."""
        self._failures += 1
        if self._state == HALF_OPEN or self._failures >= FAILURES_TO_OPEN:
            self._probe_at = time.monotonic() + self._open_seconds
            self._move(OPEN)

    def reset(self) -> None:
        """Close: the registry says that the callee has new addresses."""
        self.succeeded()

    def _move(self, state: int) -> None:
        if getattr(self, "_state", CLOSED) != state:
            log.warning("breaker_moved", callee=self._service, state=("closed", "half-open", "open")[state])
        self._state = state
        BREAKER_STATE.labels(self._service).set(state)
