"""The throttle of log-ins: who may try a password, and when again."""

import pytest

from auth_svc import throttle as module
from auth_svc.errors import TooManyAttempts
from auth_svc.throttle import OF_ACCOUNT, OF_CLIENT, OF_KNOWN, OF_NEWCOMER, REGISTRATION_SECONDS, Throttle

ADA, HOME, ABROAD = "ada@example.org", "192.0.2.1", "198.51.100.7"


class Clock:
    def __init__(self) -> None:
        self.time = 1000.0

    def __call__(self) -> float:
        return self.time


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def throttle(clock: Clock) -> Throttle:
    throttle = Throttle(clock)
    throttle.remember(HOME, ADA)
    return throttle


def try_often(throttle: Throttle, client: str) -> None:
    """Try wrong passwords until the throttle refuses. Raises TooManyAttempts."""
    for _ in range(1000):
        throttle.begin(client, ADA)


def use_up(throttle: Throttle, client: str) -> float:
    """Try wrong passwords until the throttle refuses; return the time to wait."""
    with pytest.raises(TooManyAttempts) as refused:
        try_often(throttle, client)
    assert refused.value.retry_after is not None
    return refused.value.retry_after


def test_wrong_passwords_from_elsewhere_do_not_refuse_the_owner(throttle: Throttle) -> None:
    use_up(throttle, ABROAD)
    throttle.begin(HOME, ADA)


def test_wrong_passwords_from_the_owners_address_delay_the_owner_for_seconds(throttle: Throttle, clock: Clock) -> None:
    wait = use_up(throttle, HOME)
    assert 0 < wait <= OF_KNOWN.seconds
    clock.time += wait
    throttle.begin(HOME, ADA)
    throttle.succeed(HOME, ADA)
    for _ in range(OF_KNOWN.attempts):
        throttle.begin(HOME, ADA)


def test_attempts_at_an_account_are_counted_over_all_clients(throttle: Throttle) -> None:
    for number in range(OF_ACCOUNT.attempts):
        throttle.begin(f"203.0.113.{number}", ADA)
    for _ in range(OF_NEWCOMER.attempts):
        throttle.begin(ABROAD, ADA)
    with pytest.raises(TooManyAttempts):
        throttle.begin(ABROAD, ADA)


def test_owner_elsewhere_can_try_while_others_guess(throttle: Throttle, clock: Clock) -> None:
    for _ in range(20):
        use_up(throttle, ABROAD)
        clock.time += OF_ACCOUNT.seconds
    use_up(throttle, ABROAD)
    for _ in range(OF_NEWCOMER.attempts):
        throttle.begin("203.0.113.1", ADA)
    with pytest.raises(TooManyAttempts) as refused:
        throttle.begin("203.0.113.1", ADA)
    assert refused.value.retry_after is not None
    assert refused.value.retry_after <= OF_ACCOUNT.seconds


def test_many_clients_do_not_make_the_next_wait_longer(throttle: Throttle) -> None:
    for number in range(100):
        throttle.begin(f"203.0.113.{number}", ADA)
    assert use_up(throttle, ABROAD) <= OF_ACCOUNT.seconds


def test_attempts_of_a_client_are_counted_over_all_accounts(throttle: Throttle) -> None:
    for number in range(OF_CLIENT.attempts):
        throttle.begin(HOME, f"{number}@example.org")
    with pytest.raises(TooManyAttempts):
        throttle.begin(HOME, "other@example.org")
    # People who have logged in from this address before still can.
    throttle.begin(HOME, ADA)


def test_right_passwords_use_nothing_up(throttle: Throttle) -> None:
    for number in range(3 * OF_CLIENT.attempts):
        throttle.begin(HOME, f"{number}@example.org")
        throttle.succeed(HOME, f"{number}@example.org")


def test_registrations_are_counted_by_address(clock: Clock) -> None:
    throttle = Throttle(clock, registrations=3)
    for _ in range(3):
        throttle.begin_registration(HOME)
    with pytest.raises(TooManyAttempts) as refused:
        throttle.begin_registration(HOME)
    throttle.begin_registration(ABROAD)
    throttle.begin(HOME, ADA)
    assert refused.value.retry_after == REGISTRATION_SECONDS
    clock.time += REGISTRATION_SECONDS
    throttle.begin_registration(HOME)


def test_memory_is_limited_and_the_oldest_counts_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_REMEMBERED", 3)
    throttle = Throttle(Clock())
    use_up(throttle, ABROAD)
    for number in range(3):
        throttle.begin(f"203.0.113.{number}", f"{number}@example.org")
    throttle.begin(ABROAD, ADA)
