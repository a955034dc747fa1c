"""Sends the chunks of an import, and retries each while the platform is unavailable."""

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event
from typing import NamedTuple

import httpx

from fairdatabase.client.imports.rows import Chunk
from fairdatabase.client.session import ApiError, Imported, Session

_IN_FLIGHT = 2
_RETRY_DELAYS = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0)
"""Seconds to wait before each retry of a chunk."""
_RETRYABLE = {"OVERLOADED", "SERVICE_UNAVAILABLE", "DEADLINE_EXCEEDED"}
_NOT_ABOUT_CONTENT = {401, 403, 429}
"""HTTP statuses that are caused by the caller or the current load, not by the rows."""


class ImportRefused(Exception):
    """The platform refuses the whole import; sending it again would not help."""


class Sent(NamedTuple):
    """The results of a chunk."""

    imported: Imported
    answer_lost: bool
    """Whether an earlier answer was lost: then the lost attempt may have stored the repeated rows."""


def send_all(
    chunks: Iterable[Chunk], send: Callable[[Chunk, Event], Sent]
) -> Generator[tuple[Chunk, Sent], None, None]:
    """Send chunks, a few at a time; yield each with its results, in order.

    Closing the generator ends the retries of the chunks in flight. Raises ImportRefused, and the errors of `send`.
    """
    in_flight: deque[tuple[Chunk, Future[Sent]]] = deque()
    ending, answered, wait = Event(), False, True
    pool = ThreadPoolExecutor(_IN_FLIGHT)
    try:
        for chunk in chunks:
            in_flight.append((chunk, pool.submit(send, chunk, ending)))
            if len(in_flight) == _IN_FLIGHT:
                chunk, sent = in_flight.popleft()
                yield chunk, sent.result()
                answered |= bool(chunk.content)
        while in_flight:
            chunk, sent = in_flight.popleft()
            yield chunk, sent.result()
            answered |= bool(chunk.content)
    except ApiError as error:
        if not answered and 400 <= error.status < 500 and error.status not in _NOT_ABOUT_CONTENT:
            raise ImportRefused(str(error)) from None
        raise
    except (KeyboardInterrupt, GeneratorExit):
        # Do not wait for the chunks in flight: closing the session aborts them.
        wait = False
        raise
    finally:
        ending.set()
        pool.shutdown(wait=wait, cancel_futures=True)


def send(session: Session, study: str, organism: str, chunk: Chunk, ending: Event) -> Sent:
    """Send a chunk, with retries while the platform is unavailable. Raises ApiError, TransportError."""
    content, answer_lost = bytes(chunk.content), False
    if not content:
        return Sent(Imported([], 0), False)
    for delay in (*_RETRY_DELAYS, None):
        try:
            imported = session.import_rows(content, study=study, organism=organism)
            if len(imported.answers) != content.count(b"\n"):
                raise httpx.RemoteProtocolError("some rows have no answer")
            return Sent(imported, answer_lost)
        except ApiError as error:
            if error.reason not in _RETRYABLE or delay is None or ending.is_set():
                raise
            answer_lost |= error.reason != "OVERLOADED"
        except httpx.TransportError:
            if delay is None or ending.is_set():
                raise
            answer_lost = True
        ending.wait(delay)
    raise AssertionError("the last attempt returns or raises")
