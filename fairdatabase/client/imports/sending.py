"""Sending an import's chunks, each again while it does not get through."""

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event
from typing import Any, NamedTuple

import httpx

from fairdatabase.client.imports.rows import Chunk
from fairdatabase.client.session import ApiError, Session

_IN_FLIGHT = 2
_PAUSES = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0)
"""Seconds before a chunk is sent again that did not get through."""
_AGAIN = {"OVERLOADED", "SERVICE_UNAVAILABLE", "DEADLINE_EXCEEDED"}
_OF_THE_MOMENT = {401, 403, 429}
"""Statuses that say nothing of the import: who asks, or when, is what is wrong."""


class ImportRefused(Exception):
    """The platform takes no row of the import, however often it is sent."""


class Sent(NamedTuple):
    """What became of a chunk."""

    answers: list[dict[str, Any]]
    repeated: int
    """How many of its rows had been stored before."""
    again: bool
    """Whether an earlier answer was lost: then these may have been stored by the chunk itself."""


def send_all(
    chunks: Iterable[Chunk], send: Callable[[Chunk, Event], Sent]
) -> Generator[tuple[Chunk, Sent], None, None]:
    """Send chunks, some at a time; yield each with what became of it, in order.

    Raises ImportRefused, and what `send` does; whoever closes this has the chunks that are under way not sent again.
    """
    under_way: deque[tuple[Chunk, Future[Sent]]] = deque()
    ending, answered, wait = Event(), False, True
    pool = ThreadPoolExecutor(_IN_FLIGHT)
    try:
        for chunk in chunks:
            under_way.append((chunk, pool.submit(send, chunk, ending)))
            if len(under_way) == _IN_FLIGHT:
                chunk, sent = under_way.popleft()
                yield chunk, sent.result()
                answered |= bool(chunk.content)
        while under_way:
            chunk, sent = under_way.popleft()
            yield chunk, sent.result()
            answered |= bool(chunk.content)
    except ApiError as error:
        if not answered and 400 <= error.status < 500 and error.status not in _OF_THE_MOMENT:
            raise ImportRefused(str(error)) from None
        raise
    except (KeyboardInterrupt, GeneratorExit):
        # Whoever interrupts is told at once; that the session ends then is what ends the rows that are under way.
        wait = False
        raise
    finally:
        ending.set()
        pool.shutdown(wait=wait, cancel_futures=True)


def send(session: Session, study: str, organism: str, chunk: Chunk, ending: Event) -> Sent:
    """Send a chunk, again and again while it does not get through. Raises ApiError, TransportError."""
    content, again = bytes(chunk.content), False
    if not content:
        return Sent([], 0, False)
    for pause in (*_PAUSES, None):
        try:
            answers, repeated = session.import_rows(content, study=study, organism=organism)
            if len(answers) != content.count(b"\n"):
                raise httpx.RemoteProtocolError("rows have no answer")
            return Sent(answers, repeated, again)
        except ApiError as error:
            if error.reason not in _AGAIN or pause is None or ending.is_set():
                raise
            again |= error.reason != "OVERLOADED"
        except httpx.TransportError:
            if pause is None or ending.is_set():
                raise
            again = True
        ending.wait(pause)
    raise AssertionError("the last attempt returns or raises")
