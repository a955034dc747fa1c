"""The throttle of log-ins: slows down whoever guesses passwords, and locks nobody out.

Attempts are counted for each account and for each client (an address). A right password gives its attempts back. Counts
fall with time, so after too many wrong passwords attempts are possible again, but slowly.

A client from which an account was registered, or has logged in, is known to the account. Its attempts are counted
apart, so that nobody elsewhere can use up the attempts of the account's owner. An owner elsewhere, or after a restart,
has a few attempts that nobody else can use up. Everything is kept in memory, of this process only, and for unknown
accounts as for others, so that no answer reveals which accounts exist.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from auth_svc.errors import CredentialsWrong, TooManyAttempts

_REMEMBERED = 20_000


@dataclass(frozen=True)
class Allowance:
    """How many attempts are possible at once, and how many seconds give back one."""

    attempts: int
    seconds: float


OF_CLIENT = Allowance(50, 0.5)
"""Of an address, at accounts that do not know it. Many people may share an address."""
OF_ACCOUNT = Allowance(10, 30)
"""At an account, from all clients together that it does not know."""
OF_KNOWN = Allowance(10, 5)
"""At an account, from a client that it knows."""
OF_NEWCOMER = Allowance(3, 60)
"""At an account, from a client that it does not know, even if others have used up the attempts at the account."""


OF_RIGHT = Allowance(60, 5)
"""At an account, with its right password: each opens a session, and takes a turn at hashing."""
REGISTRATION_SECONDS = 5.0
"""How many seconds give back one registration from an address."""


class Counts:
    """Counts attempts by key. The keys that were used longest ago are forgotten when there are too many."""

    def __init__(self, allowance: Allowance, now: Callable[[], float] = time.monotonic) -> None:
        self._allowance = allowance
        self._now = now
        self._counts: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait_for(self, key: str) -> float:
        """Return the seconds until another attempt is allowed, 0 if it is allowed now."""
        return max(0.0, (self._count(key) + 1 - self._allowance.attempts) * self._allowance.seconds)

    def add(self, key: str, number: int) -> None:
        """Count attempts, or with -1 give one back."""
        # Some attempts are allowed beyond the allowance. They must not make the next wait longer.
        count = min(max(0.0, self._count(key) + number), self._allowance.attempts)
        self._counts[key] = count, self._now()
        self._counts.move_to_end(key)
        if len(self._counts) > _REMEMBERED:
            self._counts.popitem(last=False)

    def forget(self, key: str) -> None:
        """Allow all attempts again."""
        self._counts.pop(key, None)

    def _count(self, key: str) -> float:
        count, since = self._counts.get(key, (0.0, 0.0))
        return max(0.0, count - (self._now() - since) / self._allowance.seconds)


class Throttle:
    """Decides whether a password may be tried, or an account registered, now."""

    def __init__(self, now: Callable[[], float] = time.monotonic, *, registrations: int = 200) -> None:
        self._clients = Counts(OF_CLIENT, now)
        self._accounts = Counts(OF_ACCOUNT, now)
        self._pairs = Counts(OF_KNOWN, now)
        self._newcomers = Counts(OF_NEWCOMER, now)
        self._right = Counts(OF_RIGHT, now)
        self._registrations = Counts(Allowance(registrations, REGISTRATION_SECONDS), now)
        self._known: OrderedDict[str, None] = OrderedDict()

    def knows(self, client: str, email: str) -> bool:
        """Return whether the account was registered, or has logged in, from this client."""
        return _pair(client, email) in self._known

    @contextmanager
    def attempt(self, client: str, email: str) -> Iterator[None]:
        """Count the attempt inside the block. Raises TooManyAttempts, with the time to wait.

        An attempt with a right password, or one that failed for another reason, is given back. One that its client
        gave up is not.
        """
        if wait := max(self._right.wait_for(email), self._wait_for(client, email)):
            raise TooManyAttempts(wait)
        # The client may be known to the account when the block ends.
        counted = self._counted(client, email)
        for counts, key in counted:
            counts.add(key, 1)
        try:
            yield
        except (CredentialsWrong, asyncio.CancelledError):
            raise
        except BaseException:
            _give_back(counted)
            raise
        _give_back(counted)
        self._right.add(email, 1)
        self._pairs.forget(_pair(client, email))
        self.remember(client, email)

    def begin_registration(self, client: str) -> None:
        """Count a registration, also one that fails. Raises TooManyAttempts, with the time to wait."""
        if wait := self._registrations.wait_for(client):
            raise TooManyAttempts(wait)
        self._registrations.add(client, 1)

    def remember(self, client: str, email: str) -> None:
        """Remember that the account knows this client."""
        self._known[_pair(client, email)] = None
        self._known.move_to_end(_pair(client, email))
        if len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)

    def _wait_for(self, client: str, email: str) -> float:
        pair = _pair(client, email)
        if self.knows(client, email):
            return self._pairs.wait_for(pair)
        at_account = min(self._accounts.wait_for(email), self._newcomers.wait_for(pair))
        return max(self._clients.wait_for(client), at_account)

    def _counted(self, client: str, email: str) -> Iterable[tuple[Counts, str]]:
        if self.knows(client, email):
            return [(self._pairs, _pair(client, email))]
        return [(self._clients, client), (self._accounts, email), (self._newcomers, _pair(client, email))]


def _give_back(counted: Iterable[tuple[Counts, str]]) -> None:
    for counts, key in counted:
        counts.add(key, -1)


def _pair(client: str, email: str) -> str:
    return f"{client} {email}"
