"""The circuit breaker's states."""

import pytest

from chassis.calling.breaker import CLOSED, FAILURES_TO_OPEN, HALF_OPEN, OPEN, OPEN_SECONDS, Breaker
from chassis.errors import ServiceUnavailable


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [100.0]
    monkeypatch.setattr("chassis.calling.breaker.time.monotonic", lambda: now[0])
    return now


@pytest.fixture
def opened(clock: list[float]) -> Breaker:
    breaker = Breaker("backend_svc")
    for _ in range(FAILURES_TO_OPEN):
        breaker.before_call()
        breaker.failed()
    return breaker


def test_consecutive_failures_open_it(opened: Breaker) -> None:
    assert opened.state == OPEN
    with pytest.raises(ServiceUnavailable):
        opened.before_call()


def test_success_resets_the_count(clock: list[float]) -> None:
    breaker = Breaker("backend_svc")
    for _ in range(FAILURES_TO_OPEN - 1):
        breaker.failed()
    breaker.succeeded()
    breaker.failed()
    assert breaker.state == CLOSED


def test_successful_probe_closes_it(opened: Breaker, clock: list[float]) -> None:
    clock[0] += OPEN_SECONDS
    opened.before_call()
    assert opened.state == HALF_OPEN
    with pytest.raises(ServiceUnavailable):
        opened.before_call()
    opened.succeeded()
    assert opened.state == CLOSED
    opened.before_call()


def test_failed_probe_opens_it_again(opened: Breaker, clock: list[float]) -> None:
    clock[0] += OPEN_SECONDS
    opened.before_call()
    opened.failed()
    assert opened.state == OPEN


def test_probe_without_a_result_is_followed_by_another(opened: Breaker, clock: list[float]) -> None:
    clock[0] += OPEN_SECONDS
    opened.before_call()
    clock[0] += OPEN_SECONDS
    opened.before_call()
