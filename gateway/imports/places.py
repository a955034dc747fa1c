"""Places for imports: limits how many imports this process runs at a time, in total and per account."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from gateway.imports.errors import Overloaded

MOST_PER_ACCOUNT = 2
"""The client `fairdb import` sends two chunks of a file at the same time."""


class Places:
    """Counts the running imports of this process."""

    def __init__(self, total: int) -> None:
        self._free = total
        self._taken = Counter[str]()

    @contextmanager
    def hold(self, account: str) -> Iterator[None]:
        """Occupy a place for an import of an account inside the block. Raises Overloaded when none is free."""
        if not self._free or self._taken[account] >= MOST_PER_ACCOUNT:
            raise Overloaded
        self._free -= 1
        self._taken[account] += 1
        try:
            yield
        finally:
            self._free += 1
            self._taken[account] -= 1
            if not self._taken[account]:
                del self._taken[account]
