"""The throttle of log-ins: who may try a password, and when again."""

from contextlib import ExitStack, suppress

import pytest

from auth_svc import throttle as module
from auth_svc.errors import CredentialsWrong, TooManyAttempts
from auth_svc.throttle import OF_ACCOUNT, OF_CLIENT, OF_KNOWN, OF_NEWCOMER, OF_RIGHT, REGISTRATION_SECONDS, Throttle

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


def try_wrong(throttle: Throttle, client: str, email: str = ADA) -> None:
    """Try a wrong password. Raises TooManyAttempts."""
    with suppress(CredentialsWrong), throttle.attempt(client, email):
        raise CredentialsWrong


def try_right(throttle: Throttle, client: str, email: str = ADA) -> None:
    """Log in. Raises TooManyAttempts."""
    with throttle.attempt(client, email):
        pass


def try_often(throttle: Throttle, client: str) -> None:
    """Try wrong passwords until the throttle refuses. Raises TooManyAttempts."""
    for _ in range(1000):
        try_wrong(throttle, client)


def use_up(throttle: Throttle, client: str) -> float:
    """Try wrong passwords until the throttle refuses; return the time to wait."""
    with pytest.raises(TooManyAttempts) as refused:
        try_often(throttle, client)
    assert refused.value.retry_after is not None
    return refused.value.retry_after


def test_wrong_passwords_from_elsewhere_do_not_refuse_the_owner(throttle: Throttle) -> None:
    use_up(throttle, ABROAD)
    try_wrong(throttle, HOME)


def test_wrong_passwords_from_the_owners_address_delay_the_owner_for_seconds(throttle: Throttle, clock: Clock) -> None:
    wait = use_up(throttle, HOME)
    assert 0 < wait <= OF_KNOWN.seconds
    clock.time += wait
    try_right(throttle, HOME)
    for _ in range(OF_KNOWN.attempts):
        try_wrong(throttle, HOME)


def test_attempts_at_an_account_are_counted_over_all_clients(throttle: Throttle) -> None:
    for number in range(OF_ACCOUNT.attempts):
        try_wrong(throttle, f"203.0.113.{number}")
    for _ in range(OF_NEWCOMER.attempts):
        try_wrong(throttle, ABROAD)
    with pytest.raises(TooManyAttempts):
        try_wrong(throttle, ABROAD)


def test_owner_elsewhere_can_try_while_others_guess(throttle: Throttle, clock: Clock) -> None:
    for _ in range(20):
        use_up(throttle, ABROAD)
        clock.time += OF_ACCOUNT.seconds
    use_up(throttle, ABROAD)
    for _ in range(OF_NEWCOMER.attempts):
        try_wrong(throttle, "203.0.113.1")
    with pytest.raises(TooManyAttempts) as refused:
        try_wrong(throttle, "203.0.113.1")
    assert refused.value.retry_after is not None
    assert refused.value.retry_after <= OF_ACCOUNT.seconds


def test_many_clients_do_not_make_the_next_wait_longer(throttle: Throttle) -> None:
    for number in range(100):
        try_wrong(throttle, f"203.0.113.{number}")
    assert use_up(throttle, ABROAD) <= OF_ACCOUNT.seconds


def test_attempts_of_a_client_are_counted_over_all_accounts(throttle: Throttle) -> None:
    for number in range(OF_CLIENT.attempts):
        try_wrong(throttle, HOME, f"{number}@example.org")
    with pytest.raises(TooManyAttempts):
        try_wrong(throttle, HOME, "other@example.org")
    # People who have logged in from this address before still can.
    try_wrong(throttle, HOME)


def test_right_passwords_use_nothing_up(throttle: Throttle) -> None:
    for number in range(3 * OF_CLIENT.attempts):
        try_right(throttle, HOME, f"{number}@example.org")


def test_registrations_are_counted_by_address(clock: Clock) -> None:
    throttle = Throttle(clock, registrations=3)
    for _ in range(3):
        throttle.begin_registration(HOME)
    with pytest.raises(TooManyAttempts) as refused:
        throttle.begin_registration(HOME)
    throttle.begin_registration(ABROAD)
    try_wrong(throttle, HOME)
    assert refused.value.retry_after == REGISTRATION_SECONDS
    clock.time += REGISTRATION_SECONDS
    throttle.begin_registration(HOME)


def test_memory_is_limited_and_the_oldest_counts_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_REMEMBERED", 3)
    throttle = Throttle(Clock())
    use_up(throttle, ABROAD)
    for number in range(3):
        try_wrong(throttle, f"203.0.113.{number}", f"{number}@example.org")
    try_wrong(throttle, ABROAD)


def test_attempt_that_fails_for_another_reason_uses_nothing_up(throttle: Throttle) -> None:
    for _ in range(3 * OF_CLIENT.attempts):
        with pytest.raises(OSError, match="down"), throttle.attempt(ABROAD, ADA):
            raise OSError("the database is down")
    try_wrong(throttle, ABROAD)


def test_attempts_at_the_same_time_are_all_given_back(throttle: Throttle) -> None:
    for _ in range(3):
        with ExitStack() as stack:
            for _ in range(OF_ACCOUNT.attempts):
                stack.enter_context(throttle.attempt(ABROAD, ADA))
    with ExitStack() as stack:
        for _ in range(OF_KNOWN.attempts):
            stack.enter_context(throttle.attempt(ABROAD, ADA))
    for number in range(OF_ACCOUNT.attempts):
        try_wrong(throttle, f"203.0.113.{number}")


def test_right_passwords_are_limited_too(throttle: Throttle) -> None:
    for _ in range(OF_RIGHT.attempts):
        try_right(throttle, HOME)
    with pytest.raises(TooManyAttempts):
        try_right(throttle, HOME)
