"""`fairdb import`: a file of samples, sent in chunks that can each be sent again."""

from contextlib import closing
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Annotated

import httpx
import typer
from rich.text import Text

from fairdatabase.client import access
from fairdatabase.client.access import EDGE_URL, EdgeUrl, Email, tell
from fairdatabase.client.imports.report import Report, reporting
from fairdatabase.client.imports.rows import FileUnusable, Format, Keys, read_chunks
from fairdatabase.client.imports.sending import ImportRefused, send, send_all
from fairdatabase.client.session import ApiError
from fairdatabase.client.tables.columns import BAD_INPUT, CANNOT, console, grid, shown
from fairdatabase.client.tables.places import check_places

_SHOWN = 10
"""Kinds of problems, the most frequent ones first; and numbers of rows."""
_INTERRUPTED = 130
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
    force: Annotated[bool, typer.Option(help="Overwrite a report, and a file of refused rows, of before.")] = False,
    edge_url: EdgeUrl = EDGE_URL,
) -> None:
    """Create a sample of each row of a file.

    Columns named study, subject, organism, taxonId and collectionDate are those fields of a sample, requestId is a
    row's own key; every other column is metadata. For a day, a file that is sent again stores only those rows that were
    not stored before: so mend what was refused and send the whole file, or else mend and send what --refused wrote. Do
    the one or the other: who does both stores the mended rows twice. Needs an account (--email; the password comes from
    FAIRDB_PASSWORD, or else is asked for) that has consented.

    Exit codes: 0 all rows are stored, 1 some are not, 2 bad input, 130 interrupted.
    """
    found = _check(file, format, report, refused, edge_url, force=force)
    again = "the same command with --force" if report or refused else "the same command"
    try:
        with file.open("rb") as source:
            chunks = read_chunks(source, found, Keys(study, organism))
            # A file that cannot be used is told of before anybody is asked for a password, or a report is emptied.
            chunks = chain([next(chunks)], chunks)
            with access.logged_in(edge_url, email) as session, reporting(report, refused) as made:
                try:
                    with (
                        shown(f"Importing {file.name}") as advance,
                        closing(send_all(chunks, partial(send, session, study, organism))) as answered,
                    ):
                        for chunk, sent in answered:
                            made.add(chunk, sent)
                            advance(None, source.tell() / max(file.stat().st_size, 1))
                except (ApiError, httpx.TransportError) as error:
                    if not isinstance(error, ApiError) or error.reason != "ACCESS_DENIED":
                        tell("Stopped", f"{_dealt_with(made)}; {again} goes on from there, and stores nothing twice")
                    raise
                except KeyboardInterrupt:
                    tell("Interrupted", f"{_dealt_with(made)}; {again} goes on from there, and stores nothing twice")
                    raise typer.Exit(_INTERRUPTED) from None
            _show(made, file, report, refused)
    except ImportRefused as error:
        tell("Refused", error)
        raise typer.Exit(BAD_INPUT) from None
    except FileUnusable as error:
        tell(str(file), error)
        raise typer.Exit(BAD_INPUT) from None
    except OSError as error:
        tell(str(error.filename or file), error.strerror or type(error).__name__)
        raise typer.Exit(BAD_INPUT) from None
    if made.refused:
        raise typer.Exit(CANNOT)


def _check(
    file: Path, format: Format | None, report: Path | None, refused: Path | None, edge_url: str, *, force: bool
) -> Format:
    """Return what the file is; end the command (2) when what it is given does not fit together."""
    if str(file) == "-" or (file.exists() and not file.is_file()):
        tell(str(file), "is no ordinary file: save the rows in one first, so that they can be sent again")
        raise typer.Exit(BAD_INPUT)
    found = format or _FORMATS.get(file.suffix.lower())
    if found is None:
        raise typer.BadParameter(f"{file.name} does not say what it is: give --format csv, tsv or ndjson")
    if refused is not None and _FORMATS.get(refused.suffix.lower(), found) is not found:
        tell(f"--refused {refused}", f"its rows are {found.value.upper()}, as those of {file.name}: name it so")
        raise typer.Exit(BAD_INPUT)
    if report is not None and refused is not None and report.resolve() == refused.resolve():
        tell(str(report), "cannot be report and refused rows in one")
        raise typer.Exit(BAD_INPUT)
    check_places([path for path in (report, refused) if path is not None], [file], force=force)
    if not edge_url.lower().startswith(("http://", "https://")):
        tell(f"--edge-url {edge_url}", f"write http://{edge_url}")
        raise typer.Exit(BAD_INPUT)
    return found


def _rows(count: int) -> str:
    return f"{count} row" if count == 1 else f"{count} rows"


def _dealt_with(made: Report) -> str:
    return f"{_rows(made.rows)} {'was' if made.rows == 1 else 'were'} dealt with"


def _show(made: Report, file: Path, written: Path | None, refused: Path | None) -> None:
    out = console()
    out.print(f"{_rows(made.rows)}: {made.new} new, {made.repeated} stored before, {made.refused} refused")
    if made.lost:
        out.print(f"Of those stored before, up to {made.lost} are of this import: an answer was lost on the way.")
    if not made.kinds:
        return
    table = grid("What to mend", "rows", "first row", "line", "field", "how")
    kinds = sorted(made.kinds.values(), key=lambda kind: -kind.rows)
    for kind in kinds[:_SHOWN]:
        first = kind.first
        table.add_row(*map(Text, (str(kind.rows), str(first.row), str(first.line), first.field, first.description)))
    out.print(table)
    if made.donors_without_consent:
        line = "The column subject names a row's donor: grant a consent for each donor (POST /api/consents with that"
        out.print(f"{line} subject, as README.md shows), and import the file again.", soft_wrap=True)
    if made.to_mend:
        line = Text(f"Mend and import {refused}, or mend {file} and import that: the one or the other, never both.")
        out.print(line, soft_wrap=True)
    if written is None or len(kinds) > _SHOWN:
        out.print("A report (--report FILE) tells of every row.")
    if made.too_large:
        numbers = ", ".join(map(str, made.too_large[:_SHOWN]))
        rest = len(made.too_large) - _SHOWN
        numbers += f" and {rest} more" if rest > 0 else ""
        one = len(made.too_large) == 1
        tell(f"Not in {refused}", f"{'row' if one else 'rows'} {numbers}, larger than 1 MB: mend {file} instead")
