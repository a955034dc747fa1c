"""Messages of an import's stream: what came first, the rest, and how long anybody waits for either."""

import asyncio
from collections.abc import AsyncIterator
from typing import Generic, TypeVar

from chassis.errors import DeadlineExceeded, InvalidRequest
from fairdatabase.violations import Violation
from fairdb.samples.v1 import import_service_pb2 as pb
from gateway.imports.errors import ImportTooLarge

MOST_BYTES = 1024**3
FIRST_SECONDS = 10.0
"""Who opens a stream and sends nothing must not hold a place of those who do."""

Request = TypeVar("Request", pb.ImportSamplesRequest, pb.ImportFileRequest)


class Messages(Generic[Request]):
    """The messages of a stream, up to as many bytes as an import takes; ImportTooLarge is raised beyond.

    Who stops waiting for one leaves it to whoever asks next.
    """

    def __init__(self, requests: AsyncIterator[Request]) -> None:
        self._requests = requests
        self._reading: asyncio.Future[Request | None] | None = None
        self._first: Request | None = None
        self._size = 0

    async def first(self) -> Request:
        """Return the first message, which is not taken by that. Raises InvalidRequest, DeadlineExceeded."""
        try:
            async with asyncio.timeout(FIRST_SECONDS):
                self._first = await self._next()
        except TimeoutError:
            raise DeadlineExceeded from None
        if self._first is None:
            raise InvalidRequest(violations=[Violation("rows", "must be one at least")])
        return self._first

    def __aiter__(self) -> "Messages[Request]":
        return self

    async def __anext__(self) -> Request:
        request, self._first = self._first, None
        request = request or await self._next()
        if request is None:
            raise StopAsyncIteration
        self._size += request.ByteSize()
        if self._size > MOST_BYTES:
            raise ImportTooLarge
        return request

    async def aclose(self) -> None:
        """Read no more."""
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)

    async def _next(self) -> Request | None:
        if self._reading is None:
            self._reading = asyncio.ensure_future(_read(self._requests))
        reading = self._reading
        found = await asyncio.shield(reading)
        self._reading = None
        return found


async def _read(requests: AsyncIterator[Request]) -> Request | None:
    return await anext(requests, None)
