"""Lets operators list dead letters (messages whose consumer failed), show them and send them back to the consumer.

    python -m chassis.events.dead_letters list|show|replay [QUEUE] [--id EVENT]

Reading removes nothing: messages are fetched without acknowledgement, and the broker puts them back when the connection
ends. Replaying acknowledges a letter after the broker has confirmed its copy. A letter replayed twice takes effect
once.
"""

import asyncio
import logging
import os
import sys
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

import typer
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage, AbstractQueue
from aiormq.exceptions import ChannelNotFoundEntity
from google.protobuf.message import DecodeError
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from chassis.events import broker
from fairdb.events.v1.event_pb2 import Event

KILLED = "killed its consumer"
"""Replaces the error's type when the broker gave up on a message."""


class QueueUnknown(Exception):
    """No consumer has ever had a queue of this name."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One message that its consumer could not handle, without its content."""

    id: str
    type: str
    subject: str
    attempts: int
    error: str
    time: str
    """When it last failed, ISO 8601."""


async def count(url: str) -> dict[str, int]:
    """Return the number of dead letters of each consumer's queue."""
    counts = {}
    for queue in await _queues(url):
        with suppress(QueueUnknown):  # deleted meanwhile
            async with _open(url, queue) as (_, letters):
                counts[queue] = letters.declaration_result.message_count or 0
    return counts


async def show(url: str, queue: str, *, limit: int = 1000) -> list[DeadLetter]:
    """Return a queue's dead letters, oldest first, without removing them. Raises QueueUnknown."""
    async with _open(url, queue) as (_, letters):
        return [_describe(message) async for message in _take(letters, limit)]


async def replay(url: str, queue: str, id: str | None = None) -> int:
    """Send dead letters (all, or one event's) back to the queue as new; return how many. Raises QueueUnknown."""
    replayed = 0
    async with _open(url, queue) as (channel, letters):
        # Take only as many as there are now: otherwise a letter that fails again would be replayed forever.
        async for message in _take(letters, letters.declaration_result.message_count or 0):
            if id is None or _describe(message).id == id:
                await broker.move(channel, "", queue, message, {})
                await message.ack()
                replayed += 1
    return replayed


async def _queues(url: str) -> list[str]:
    """Return the distinct names in the directory queue, and remove duplicates from the queue."""
    names: list[str] = []
    async with broker.connect(url) as (connection, _):
        directory = await broker.declare_directory(await connection.channel())
        async for message in _take(directory, directory.declaration_result.message_count or 0):
            name = message.body.decode()
            if name in names:
                await message.ack()
            else:
                names.append(name)
    return sorted(names)


@asynccontextmanager
async def _open(url: str, queue: str) -> AsyncIterator[tuple[AbstractChannel, AbstractQueue]]:
    async with broker.connect(url) as (connection, _):
        channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
        try:
            letters = await channel.declare_queue(broker.dead_name(queue), passive=True)
        except ChannelNotFoundEntity:
            raise QueueUnknown(f"no consumer has a queue {queue!r}; `list` prints the names") from None
        yield channel, letters


async def _take(queue: AbstractQueue, limit: int) -> AsyncIterator[AbstractIncomingMessage]:
    """Yield messages without acknowledging them: unacknowledged ones go back when the connection ends."""
    for _ in range(limit):
        message = await queue.get(fail=False)
        if message is None:
            return
        yield message


def _describe(message: AbstractIncomingMessage) -> DeadLetter:
    try:
        event = Event.FromString(message.body)
    except DecodeError:
        event = Event(id=message.message_id or "", type="not an event")
    headers = message.headers
    attempts, error, time = broker.attempts_of(message), headers.get(broker.ERROR), headers.get(broker.FAILED_AT)
    if headers.get("x-first-death-reason") == "delivery_limit":
        # The broker gave up: the consumer ended before it could record an error.
        deaths: Any = headers["x-death"]
        attempts, error, time = attempts + broker.DELIVERY_LIMIT + 1, KILLED, deaths[0]["time"].isoformat()
    return DeadLetter(event.id, event.type, event.subject, attempts, str(error or ""), str(time or ""))


app = typer.Typer(help="Dead letters of the event consumers.", no_args_is_help=True, add_completion=False)
Queue = Annotated[
    str | None, typer.Argument(help="A consumer's queue, such as backend_svc.index. Default: all queues.")
]
Id = Annotated[str | None, typer.Option("--id", help="Only the dead letter with this event id.")]
T = TypeVar("T")


@app.command(name="list")
def list_command(queue: Queue = None) -> None:
    """Print how many dead letters each queue has."""
    table = Table("queue", "dead letters")
    for name, letters in _run(_count_of(queue)).items():
        table.add_row(name, str(letters))
    _console().print(table)


@app.command(name="show")
def show_command(
    queue: Queue = None,
    id: Id = None,
    limit: Annotated[int, typer.Option(min=1, help="Show at most this many letters of a queue, oldest first.")] = 1000,
) -> None:
    """Print the dead letters; they stay in their queue."""
    table = Table("queue", "event", "type", "subject", "attempts", "error", "last failed")
    for name in _names(queue):
        for letter in _run(show(_url(), name, limit=limit)):
            if id in (None, letter.id):
                cells = (name, letter.id, letter.type, letter.subject, str(letter.attempts), letter.error, letter.time)
                table.add_row(*map(escape, cells))
    _console().print(table)
    if id is not None and not table.rows:
        raise typer.Exit(1)


@app.command(name="replay")
def replay_command(queue: Queue = None, id: Id = None) -> None:
    """Send dead letters back to their consumer, which handles them as new. Exit code 1 if there were none."""
    total = 0
    for name in _names(queue):
        replayed = _run(replay(_url(), name, id))
        print(f"{name}: {replayed} replayed")
        total += replayed
    if not total:
        raise typer.Exit(1)


async def _count_of(queue: str | None) -> dict[str, int]:
    if queue is None:
        return await count(_url())
    async with _open(_url(), queue) as (_, letters):
        return {queue: letters.declaration_result.message_count or 0}


def _names(queue: str | None) -> list[str]:
    return [queue] if queue is not None else list(_run(count(_url())))


def _url() -> str:
    url = os.environ.get("FAIRDB_BROKER_URL")
    if not url:
        raise typer.BadParameter("set FAIRDB_BROKER_URL to the broker's amqp:// address")
    return url


def _run(work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(work)


def _console() -> Console:
    """Return a console; it does not wrap lines when writing to a file or a pipe."""
    return Console(width=None if sys.stdout.isatty() else 250)


def main() -> int:
    """Run the command; print errors that an operator can fix as one line, without a stack trace."""
    logging.getLogger("aiormq").setLevel(logging.CRITICAL)  # it would log errors that we print below
    try:
        app()
    except QueueUnknown as error:
        print(f"dead_letters: {error}", file=sys.stderr)
        return 1
    except broker.UNAVAILABLE as error:
        # The error's text would show the address with its password.
        print(
            f"dead_letters: could not reach the broker ({type(error).__name__}); check FAIRDB_BROKER_URL",
            file=sys.stderr,
        )
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
