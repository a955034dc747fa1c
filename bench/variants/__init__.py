"""variants: how to start, call, count and stop each program that is measured."""

from collections.abc import Sequence
from typing import Protocol

from bench.counting import Expectation


class Variant(Protocol):
    """One variant. Between `stop` and the next `start` it uses no CPU."""

    @property
    def name(self) -> str:
        """Its name in the figures."""
        ...

    @property
    def url(self) -> str:
        """Its base URL."""
        ...

    @property
    def database(self) -> str:
        """The name of its database; "" if it has none."""
        ...

    @property
    def expected(self) -> Expectation | None:
        """The rows and events that a creation produces; None if the variant stores nothing."""
        ...

    async def start(self) -> None:
        """Start its processes and wait until they serve."""
        ...

    async def stop(self) -> None:
        """End its processes."""
        ...

    async def token(self) -> str:
        """Return an access token that is valid for longer than a repetition."""
        ...

    async def stranger_token(self) -> str:
        """Return the token of an account that has not consented."""
        ...

    def roots(self) -> Sequence[int]:
        """Return the ids of its processes, without those of PostgreSQL and RabbitMQ."""
        ...
