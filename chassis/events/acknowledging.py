"""Acknowledging: tells the broker of many handled messages in one frame."""

import asyncio
from collections.abc import Callable

from aiormq.abc import AbstractChannel


class Acknowledger:
    """Acknowledges what is settled of the messages that came over one channel.

    What is settled at about the same time goes together: up to the first message that is not, in one frame, and what
    lies behind that one by one. So a message that waits holds no other up.
    """

    def __init__(self, channel: AbstractChannel, failed: Callable[[BaseException], None]) -> None:
        """Set up. `failed` learns why the broker could not be told: then the messages come again."""
        self._channel = channel
        self._failed = failed
        self._open: dict[int, bool] = {}
        """By delivery tag, in their order: whether it is settled."""
        self._flushing: asyncio.Task[None] | None = None

    def came(self, tag: int) -> None:
        """Note a message."""
        self._open[tag] = False

    def settled(self, tag: int) -> None:
        """Acknowledge a message soon."""
        self._open[tag] = True
        if self._flushing is None or self._flushing.done():
            self._flushing = asyncio.create_task(self._flush())

    async def _flush(self) -> None:
        try:
            while True in self._open.values():
                # All that one transaction has handled are settled before this goes on.
                await asyncio.sleep(0)
                await self._acknowledge()
        except Exception as error:
            self._failed(error)

    async def _acknowledge(self) -> None:
        upto = 0
        for tag, is_settled in self._open.items():
            if not is_settled:
                break
            upto = tag
        done = [tag for tag, is_settled in self._open.items() if is_settled]
        for tag in done:
            del self._open[tag]
        if upto:
            await self._channel.basic_ack(upto, multiple=True, wait=False)
        for tag in done:
            if tag > upto:
                await self._channel.basic_ack(tag, wait=False)
