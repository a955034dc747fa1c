"""Limits how many calls of one account a service serves at the same time, so that no account takes what all share.

A call counts until its answer has been sent. So clients that ask for much and read slowly are limited as well.
"""

import time

import grpc
from prometheus_client import Counter

from chassis.call_context import Caller
from chassis.errors import AppError

REFUSED = Counter("account_calls_refused_total", "Calls refused because their account had too many in progress.")
NEW_SECONDS = 24 * 3600.0
"""The age up to which an account is new: anybody can register many."""


class TooManyCalls(AppError):
    """Your account has too many calls in progress: wait for some of their answers, then try again."""

    code = grpc.StatusCode.RESOURCE_EXHAUSTED
    reason = "OVERLOADED"
    retry_after = 1.0


class AccountCalls:
    """Counts the calls in progress by account."""

    def __init__(self, most: int) -> None:
        """Allow each account `most` calls at the same time, and half of that to new ones."""
        self._most = most
        self._running: dict[str, int] = {}

    def admit(self, caller: Caller, context: grpc.aio.ServicerContext) -> None:
        """Count a call until it ends. Calls of services are not counted. Raises TooManyCalls."""
        account = caller.user_id
        if account is None:
            return
        running = self._running.get(account, 0)
        # Most accounts have few calls in progress, new or not.
        if running * 2 >= self._most and running >= self._limit(caller):
            REFUSED.inc()
            raise TooManyCalls
        self._running[account] = running + 1
        context.add_done_callback(lambda _: self._end(account))  # pyright: ignore[reportArgumentType]  # stub's error

    def _limit(self, caller: Caller) -> int:
        return max(1, self._most // 2) if is_new(caller) else self._most

    def _end(self, account: str) -> None:
        left = self._running[account] - 1
        if left:
            self._running[account] = left
        else:
            del self._running[account]


def is_new(caller: Caller) -> bool:
    """Return whether the account was registered less than a day ago."""
    return time.time() - caller.account_since < NEW_SECONDS
