"""Acknowledges many handled messages to the broker in one frame."""

import asyncio
from collections.abc import Callable

from aiormq.abc import AbstractChannel


class Acknowledger:
    """Acknowledges the handled messages of one channel.

    Messages up to the first unhandled one are acknowledged in one frame; later ones get a frame each. So a message
    that waits does not delay others.
    """

    def __init__(self, channel: AbstractChannel, failed: Callable[[BaseException], None]) -> None:
        """Set up. `failed` is called when an acknowledgement could not be sent; the broker then redelivers."""
        self._channel = channel
        self._failed = failed
        self._handled: dict[int, bool] = {}
        """Whether each message is handled, by delivery tag, in order of arrival."""
        self._flushing: asyncio.Task[None] | None = None

    def received(self, tag: int) -> None:
        """Add a message that must be acknowledged later."""
        self._handled[tag] = False

    def handled(self, tag: int) -> None:
        """Acknowledge a message soon."""
        self._handled[tag] = True
        if self._flushing is None or self._flushing.done():
            self._flushing = asyncio.create_task(self._flush())

    async def _flush(self) -> None:
        try:
            while True in self._handled.values():
                # Yield, so that all messages of the same transaction are marked as handled first.
                await asyncio.sleep(0)
                await self._acknowledge()
        except Exception as error:
            self._failed(error)

    async def _acknowledge(self) -> None:
        upto = 0
        for tag, is_handled in self._handled.items():
            if not is_handled:
                break
            upto = tag
        done = [tag for tag, is_handled in self._handled.items() if is_handled]
        for tag in done:
            del self._handled[tag]
        if upto:
            await self._channel.basic_ack(upto, multiple=True, wait=False)
        for tag in done:
            if tag > upto:
                await self._channel.basic_ack(tag, wait=False)
