"""`fairdb import`: a file of samples, sent in chunks that can each be sent again."""

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer
from rich.text import Text

from fairdb_client import access
from fairdb_client.access import EDGE_URL, EdgeUrl, Email, tell
from fairdb_client.columns import BAD_INPUT, CANNOT, console, grid, shown
from fairdb_client.import_report import Report, reporting
from fairdb_client.import_rows import Chunk, FileUnusable, Format, Keys, read_chunks
from fairdb_client.session import ApiError, Session

Answers = Sequence[dict[str, Any]]

_IN_FLIGHT = 2
_SHOWN = 10
"""Kinds of problems, the most frequent ones first."""
_PAUSES = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0)
"""Seconds before a chunk is sent again that did not get through."""
_AGAIN = {"OVERLOADED", "SERVICE_UNAVAILABLE", "DEADLINE_EXCEEDED"}
_FORMATS = {".csv": Format.CSV, ".tsv": Format.TSV, ".txt": Format.TSV} | dict.fromkeys(
    (".ndjson", ".jsonl"), Format.NDJSON
)


def import_command(
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE", help="CSV or TSV with a title line, or NDJSON; in UTF-8.", dir_okay=False),
    ],
    email: Email,
    study: Annotated[str, typer.Option(metavar="ID", help="The study of rows that name none.")] = "",
    organism: Annotated[str, typer.Option(metavar="NAME", help="The organism of rows that name none.")] = "",
    format: Annotated[Format | None, typer.Option(help="What the file is, where its name does not tell.")] = None,
    report: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Where to write what became of each row: CSV by that name, else NDJSON."),
    ] = None,
    refused: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Where to write the rows that were refused, to be mended and imported."),
    ] = None,
    edge_url: EdgeUrl = EDGE_URL,
) -> None:
    """Create a sample of each row of a file.

    Columns named study, subject, organism, taxonId and collectionDate are those fields of a sample, requestId is a
    row's own key; every other column is metadata. For a day, a file that is sent again stores only those rows that were
    not stored before: so mend what was refused and send the whole file, or what --refused wrote. Needs an account
    (--email; the password comes from FAIRDB_PASSWORD, or else is asked for) that has consented.

    Exit codes: 0 all rows are stored, 1 some are not, 2 bad input.
    """
    found = format or _FORMATS.get(file.suffix.lower())
    if found is None:
        raise typer.BadParameter(f"{file.name} does not say what it is: give --format csv, tsv or ndjson")
    if file.resolve() in [path.resolve() for path in (report, refused) if path is not None]:
        raise typer.BadParameter("a report must not take the place of what it tells of")
    try:
        with file.open("rb") as source:
            chunks = read_chunks(source, found, Keys(study, organism))
            # A file that cannot be used is told of before anybody is asked for a password, or a report is emptied.
            chunks = chain([next(chunks)], chunks)
            with access.logged_in(edge_url, email) as session, reporting(report, refused) as made:
                with shown(f"Importing {file.name}") as advance:
                    for chunk, answers in _send_all(chunks, partial(_send, session, study, organism)):
                        made.add(chunk, answers)
                        advance(None, source.tell() / max(file.stat().st_size, 1))
                _show(made, report)
    except FileUnusable as error:
        tell(str(file), error)
        raise typer.Exit(BAD_INPUT) from None
    except OSError as error:
        tell(str(error.filename or file), error.strerror or type(error).__name__)
        raise typer.Exit(BAD_INPUT) from None
    if made.refused:
        raise typer.Exit(CANNOT)


def _send_all(chunks: Iterable[Chunk], send: Callable[[Chunk], Answers]) -> Iterator[tuple[Chunk, Answers]]:
    """Send chunks, some at a time; yield each with its answers, in order. Raises what `send` does."""
    count = 0
    under_way: deque[tuple[Chunk, Future[Answers]]] = deque()
    with ThreadPoolExecutor(_IN_FLIGHT) as pool:
        try:
            for chunk in chunks:
                under_way.append((chunk, pool.submit(send, chunk)))
                if len(under_way) == _IN_FLIGHT:
                    chunk, answers = under_way.popleft()
                    yield chunk, answers.result()
                    count += len(chunk.rows)
            while under_way:
                chunk, answers = under_way.popleft()
                yield chunk, answers.result()
                count += len(chunk.rows)
        except (ApiError, httpx.TransportError):
            tell("Stopped", f"{count} rows were dealt with; import the file again, and nothing is stored twice")
            raise
        finally:
            for _, answers in under_way:
                answers.cancel()


def _send(session: Session, study: str, organism: str, chunk: Chunk) -> Answers:
    """Send a chunk, again and again while it does not get through. Raises ApiError, TransportError."""
    content = bytes(chunk.content)
    if not content:
        return []
    for pause in (*_PAUSES, None):
        try:
            answers = session.import_rows(content, study=study, organism=organism)
            if len(answers) != content.count(b"\n"):
                raise httpx.RemoteProtocolError("rows have no answer")
            return answers
        except ApiError as error:
            if error.reason not in _AGAIN or pause is None:
                raise
        except httpx.TransportError:
            if pause is None:
                raise
        time.sleep(pause)
    raise AssertionError("the last attempt returns or raises")


def _show(made: Report, written: Path | None) -> None:
    out = console()
    out.print(f"{made.stored + made.refused} rows: {made.stored} are stored, {made.refused} were refused.")
    if not made.kinds:
        return
    table = grid("What to mend", "rows", "first row", "line", "field", "how")
    kinds = sorted(made.kinds.values(), key=lambda kind: -kind.rows)
    for kind in kinds[:_SHOWN]:
        first = kind.first
        table.add_row(*map(Text, (str(kind.rows), str(first.row), str(first.line), first.field, first.description)))
    out.print(table)
    if written is None or len(kinds) > _SHOWN:
        out.print("A report (--report FILE) tells of every row.")
