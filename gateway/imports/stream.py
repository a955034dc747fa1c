"""The request messages of an import: limits the wait for the first message, and the total size of all messages."""

import asyncio
from collections.abc import AsyncIterator
from typing import Generic, TypeVar

from chassis.errors import DeadlineExceeded, InvalidRequest
from fairdatabase.violations import Violation
from fairdb.samples.v1 import import_service_pb2 as pb
from gateway.imports.errors import ImportTooLarge, PlaceLost
from gateway.imports.pace import Pace

MOST_BYTES = 1024**3
FIRST_SECONDS = 10.0
"""How long the first message may take: a caller that sends nothing must not occupy a place."""

Request = TypeVar("Request", pb.ImportSamplesRequest, pb.ImportFileRequest)


class Messages(Generic[Request]):
    """Iterates over the messages of a stream. Raises ImportTooLarge beyond the largest size of an import, and
    PlaceLost if the import has lost its place.

    When a reader is cancelled while it waits, the next reader receives the message.
    """

    def __init__(self, requests: AsyncIterator[Request], pace: Pace) -> None:
        self._requests = requests
        self._pace = pace
        self._reading: asyncio.Future[Request | None] | None = None
        self._first: Request | None = None
        self._size = 0

    async def first(self) -> Request:
        """Return the first message; iteration returns it again. Raises InvalidRequest, DeadlineExceeded,
        PlaceLost.
        """
        try:
            async with asyncio.timeout(FIRST_SECONDS):
                self._first = await self._next()
        except TimeoutError:
            raise DeadlineExceeded from None
        if self._first is None:
            raise InvalidRequest(violations=[Violation("rows", "must have at least one row")])
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
        """Stop reading."""
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)

    async def _next(self) -> Request | None:
        if self._reading is None:
            self._reading = asyncio.ensure_future(_read(self._requests))
        reading = self._reading
        self._pace.wait()
        await asyncio.wait((reading, self._pace.stopped), return_when=asyncio.FIRST_COMPLETED)
        if self._pace.stopped.done():
            raise PlaceLost
        self._reading = None
        message = reading.result()
        self._pace.receive(message.ByteSize() if message is not None else 0)
        return message


async def _read(requests: AsyncIterator[Request]) -> Request | None:
    return await anext(requests, None)
