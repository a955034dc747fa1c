"""Places for imports: limits how many imports this process runs at a time, in total and per account.

If all places are taken, a newcomer gets the place of a slow import: one whose sender makes the gateway wait. If none is
slow, and an account without any import has waited a moment, it gets the place of an account that has several. Accounts
with the fewest running imports are first, then those that came first. Everybody waits a limited time.

Anybody can register accounts, so among equals new ones come last, and they give up their places first.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple

from chassis.call_context import Caller
from chassis.serving.account_calls import is_new
from gateway.imports.errors import Overloaded
from gateway.imports.pace import Pace

MOST_PER_ACCOUNT = 2
"""The client `fairdb import` sends two chunks of a file at the same time."""
MOST_WAITING, MOST_NEW_WAITING = 256, 64
"""How many imports may wait, in all and of new accounts."""
WAIT_SECONDS = 8.0
"""How long an import may wait for a place: less than a request may take at the edge."""
_SHARE_SECONDS = 0.5
"""How long an account without any import waits before another account must give up one of several."""
_LOOK_SECONDS = 0.1


class Holder(NamedTuple):
    """The account of an import."""

    account: str
    is_new: bool

    @classmethod
    def of(cls, caller: Caller) -> "Holder":
        return cls(caller.principal.user_id, is_new(caller))


class Places:
    """Counts the running imports of this process."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._running: dict[Pace, Holder] = {}
        """The account of each import that has a place."""
        self._waiting: dict[Pace, Holder] = {}
        """The account of each import that waits for one, in the order of their arrival."""

    @asynccontextmanager
    async def hold(self, holder: Holder) -> AsyncIterator[Pace]:
        """Occupy a place for an import of an account inside the block; yield its pace.

        Raises Overloaded when the account has its places, or none becomes free in time.
        """
        if [*self._running.values(), *self._waiting.values()].count(holder) >= MOST_PER_ACCOUNT:
            raise Overloaded
        waiting = self._waiting.values()
        if len(waiting) >= MOST_WAITING or (holder.is_new and sum(one.is_new for one in waiting) >= MOST_NEW_WAITING):
            raise Overloaded
        pace = Pace()
        self._waiting[pace] = holder
        try:
            await self._wait(pace)
        finally:
            del self._waiting[pace]
        try:
            yield pace
        finally:
            self._running.pop(pace, None)

    async def _wait(self, pace: Pace) -> None:
        """Wait for a place, and take it. Raises Overloaded."""
        now = asyncio.get_running_loop().time
        begun = now()
        while True:
            if self._is_first(pace):
                holder = self._waiting[pace]
                if len(self._running) >= self._total:
                    needy = holder not in self._running.values() and now() - begun >= _SHARE_SECONDS
                    self._end_one_for(holder, even_fast=needy)
                if len(self._running) < self._total:
                    self._running[pace] = holder
                    return
            if now() - begun >= WAIT_SECONDS:
                raise Overloaded
            await asyncio.sleep(_LOOK_SECONDS)

    def _is_first(self, pace: Pace) -> bool:
        running = Counter(self._running.values())

        def rank(one: Pace) -> tuple[bool, bool, int]:
            # Whoever has an import already can end nobody else's, so those without one must not wait behind them.
            holder = self._waiting[one]
            return running[holder] > 0, holder.is_new, running[holder]

        # `min` returns the first of several that are equal, which came first.
        return pace is min(self._waiting, key=rank)

    def _end_one_for(self, holder: Holder, *, even_fast: bool) -> None:
        """Free the place of a slow import; with `even_fast`, else one of several of an account, or of a new account."""
        running = Counter(self._running.values())
        candidates = [pace for pace in self._running if pace.is_slow()]
        if even_fast and not candidates:
            candidates = [
                pace
                for pace, other in self._running.items()
                if running[other] > 1 or (other.is_new and not holder.is_new)
            ]
        if candidates:
            worst = max(candidates, key=lambda pace: (*self._rank(pace, running), pace.waited()))
            # Its place is free at once. It may take a moment to end.
            del self._running[worst]
            worst.stop()

    def _rank(self, pace: Pace, running: Counter[Holder]) -> tuple[bool, int]:
        holder = self._running[pace]
        return holder.is_new, running[holder]
