"""Acknowledging: which messages are acknowledged to the broker, and in how many frames."""

import asyncio
from typing import cast

from aiormq.abc import AbstractChannel
from aiormq.exceptions import ChannelInvalidStateError

from chassis.events.acknowledging import Acknowledger


class Channel:
    """Records each acknowledgement: the tag, and whether it includes all earlier ones."""

    def __init__(self) -> None:
        self.acks: list[tuple[int, bool]] = []
        self.is_closed = False
        self.others = asyncio.all_tasks()
        """Tasks of other tests that use the same event loop. Some never end."""

    async def basic_ack(self, delivery_tag: int, multiple: bool = False, wait: bool = True) -> None:
        if self.is_closed:
            raise ChannelInvalidStateError
        self.acks.append((delivery_tag, multiple))


def start(messages: int) -> tuple[Channel, Acknowledger, list[BaseException]]:
    channel, failures = Channel(), list[BaseException]()
    acknowledger = Acknowledger(cast(AbstractChannel, channel), failures.append)
    for tag in range(1, messages + 1):
        acknowledger.received(tag)
    return channel, acknowledger, failures


async def until_idle(channel: Channel) -> None:
    """Wait until the tasks that began after the channel was made have ended."""
    while begun := asyncio.all_tasks() - channel.others:
        await asyncio.wait(begun)


async def test_messages_handled_together_are_acknowledged_in_one_frame() -> None:
    channel, acknowledger, _ = start(5)
    for tag in (2, 1, 3, 5, 4):
        acknowledger.handled(tag)
    await until_idle(channel)
    assert channel.acks == [(5, True)]


async def test_waiting_message_is_not_acknowledged_and_does_not_delay_others() -> None:
    channel, acknowledger, _ = start(5)
    for tag in (1, 2, 4, 5):
        acknowledger.handled(tag)
    await until_idle(channel)
    assert channel.acks == [(2, True), (4, False), (5, False)]
    acknowledger.handled(3)
    await until_idle(channel)
    assert channel.acks[3:] == [(3, True)]


async def test_each_message_is_acknowledged_once() -> None:
    channel, acknowledger, _ = start(4)
    for tag in (1, 3, 2, 4):
        acknowledger.handled(tag)
        await until_idle(channel)
    covered: list[int] = []
    for tag, multiple in channel.acks:
        covered += [each for each in range(1, tag + 1) if each not in covered] if multiple else [tag]
    assert sorted(covered) == [1, 2, 3, 4]


async def test_closed_channel_is_reported_and_not_raised() -> None:
    channel, acknowledger, failures = start(1)
    channel.is_closed = True
    acknowledger.handled(1)
    await until_idle(channel)
    assert [type(failure) for failure in failures] == [ChannelInvalidStateError]
