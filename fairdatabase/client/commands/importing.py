"""`fairdb import`: sends a file of samples in chunks. Each chunk can be sent again safely."""

from collections.abc import Sequence
from contextlib import closing, suppress
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Annotated

import httpx
import typer
from rich.text import Text

from fairdatabase.client.access import EDGE_URL, EdgeUrl, Email, logged_in
from fairdatabase.client.imports.report import Report, reporting
from fairdatabase.client.imports.rows import FileUnusable, Format, Keys, read_chunks
from fairdatabase.client.imports.sending import ImportRefused, send, send_all
from fairdatabase.client.session import ApiError
from fairdatabase.client.tables.columns import Worksheet
from fairdatabase.client.tables.files import check_outputs
from fairdatabase.client.terminal import (
    BAD_INPUT,
    FAILED,
    INTERRUPTED,
    console,
    grid,
    output_errors_explained,
    print_error,
    progress_bar,
)
from fairdatabase.sheets.formats import is_workbook, other_format
from fairdatabase.sheets.header import comments_note

_SHOWN = 10
"""The maximum number of kinds of problems to print, most frequent first, and of row numbers to print."""
_NAMED = 20
"""The maximum number of columns to name."""
_EXCEL = ".xlsx"
_FORMATS = {".csv": Format.CSV, ".tsv": Format.TSV, ".txt": Format.TSV} | dict.fromkeys(
    (".ndjson", ".jsonl"), Format.NDJSON
)


def import_command(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="CSV, TSV or Excel (.xlsx) with a header, or NDJSON; text may be packed with gzip.",
            dir_okay=False,
        ),
    ],
    email: Email,
    study: Annotated[str, typer.Option(metavar="ID", help="The study of rows that do not name one.")] = "",
    organism: Annotated[str, typer.Option(metavar="NAME", help="The organism of rows that do not name one.")] = "",
    worksheet: Worksheet = "",
    format: Annotated[Format | None, typer.Option(help="The format, if the file name does not show it.")] = None,
    report: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write the result of each row: as CSV if FILE ends in .csv, else as NDJSON."),
    ] = None,
    refused: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write the refused rows, to be corrected and imported."),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Overwrite an existing report or file of refused rows.")
    ] = False,
    edge_url: EdgeUrl = EDGE_URL,
) -> None:
    """Create a sample from each row of a file.

    The columns study, subject, organism, taxonId and collectionDate become the fields of a sample with these names.
    requestId is your own key for the row. Every other column becomes metadata; one that names the donor, such as
    host_subject_id or patient, means the same as subject.

    You can import the same file again: rows that were stored within the last 24 hours are not stored twice. So correct
    the refused rows in the file and import it again, or correct and import the file that --refused wrote. Do not do
    both: that stores the corrected rows twice.

    Needs an account (--email) that has given its consent. The password comes from FAIRDB_PASSWORD or a prompt.

    Exit codes: 0 all rows are stored, 1 some are not, 2 bad input, 130 interrupted.
    """
    found = _check(file, format, report, refused, edge_url, force=force)
    again = "the same command with --force" if report or refused else "the same command"
    try:
        with file.open("rb") as source:
            chunks = read_chunks(source, found, Keys(study, organism), worksheet)
            # Report an unusable file before the password prompt, and before emptying an old report.
            chunks = chain([next(chunks)], chunks)
            with logged_in(edge_url, email) as session, reporting(report, refused) as made:
                try:
                    with (
                        progress_bar(f"Importing {file.name}") as advance,
                        closing(send_all(chunks, partial(send, session, study, organism))) as answered,
                    ):
                        for chunk, sent in answered:
                            made.add(chunk, sent)
                            advance(None, source.tell() / max(file.stat().st_size, 1))
                except (ApiError, httpx.TransportError) as error:
                    if not isinstance(error, ApiError) or error.reason != "ACCESS_DENIED":
                        print_error(
                            "Stopped", f"{_processed(made)}; {again} continues from there and stores nothing twice"
                        )
                    raise
                except KeyboardInterrupt:
                    print_error(
                        "Interrupted", f"{_processed(made)}; {again} continues from there and stores nothing twice"
                    )
                    raise typer.Exit(INTERRUPTED) from None
            with output_errors_explained():
                _show(made, file, report, refused)
    except ImportRefused as error:
        print_error("Refused", error)
        raise typer.Exit(BAD_INPUT) from None
    except FileUnusable as error:
        print_error(str(file), error)
        raise typer.Exit(BAD_INPUT) from None
    except OSError as error:
        print_error(str(error.filename or file), error.strerror or type(error).__name__)
        raise typer.Exit(BAD_INPUT) from None
    if made.refused:
        raise typer.Exit(FAILED)


def _check(
    file: Path, format: Format | None, report: Path | None, refused: Path | None, edge_url: str, *, force: bool
) -> Format:
    """Return the file's format. End the command with exit code 2 when the options do not fit together."""
    if str(file) == "-" or (file.exists() and not file.is_file()):
        print_error(str(file), "is not an ordinary file: save the rows in a file first, so that they can be sent again")
        raise typer.Exit(BAD_INPUT)
    start = _start_of(file)
    is_excel = is_workbook(start)
    if not is_excel and (fault := other_format(start)):
        print_error(str(file), fault)
        raise typer.Exit(BAD_INPUT)
    # The name of a packed file ends in two suffixes: ".csv.gz".
    suffix = Path(file.stem).suffix if file.suffix.lower() == ".gz" else file.suffix
    # The name does not matter: an Excel file is read as CSV.
    found = Format.CSV if is_excel else format or _FORMATS.get(suffix.lower())
    if found is None:
        raise typer.BadParameter(f"the name of {file.name} does not show its format: add --format csv, tsv or ndjson")
    wanted = refused.suffix.lower() if refused is not None else ""
    if wanted == _EXCEL or _FORMATS.get(wanted, found) is not found:
        like, ending = ("", ".csv") if is_excel else (f", like {file.name}", suffix)
        why = f"it is written as {found.value.upper()}{like}: choose a name that ends in {ending}"
        print_error(f"--refused {refused}", why)
        raise typer.Exit(BAD_INPUT)
    if report is not None and refused is not None and report.resolve() == refused.resolve():
        print_error(str(report), "cannot be both the report and the file of refused rows")
        raise typer.Exit(BAD_INPUT)
    check_outputs([path for path in (report, refused) if path is not None], [file], force=force)
    if not edge_url.lower().startswith(("http://", "https://")):
        print_error(f"--edge-url {edge_url}", f"write http://{edge_url}")
        raise typer.Exit(BAD_INPUT)
    return found


def _start_of(file: Path) -> bytes:
    # An error is explained when the rows are read.
    with suppress(OSError), file.open("rb") as source:
        return source.read(16)
    return b""


def _rows(count: int) -> str:
    return f"{count} row" if count == 1 else f"{count} rows"


def _naming(donors: Sequence[str]) -> str:
    """Return which columns name the donor."""
    if not donors:
        return "The rows name their donors"
    if len(donors) == 1:
        return f"The column {donors[0]} names the donor of a row"
    return f"The columns {', '.join(donors[:-1])} and {donors[-1]} name the donor of a row"


def _processed(made: Report) -> str:
    return f"{_rows(made.rows)} {'was' if made.rows == 1 else 'were'} processed"


def _show(made: Report, file: Path, written: Path | None, refused: Path | None) -> None:
    out = console()
    out.print(f"{_rows(made.rows)}: {made.new} new, {made.repeated} stored before, {made.refused} refused")
    if made.lost:
        out.print(
            f"An answer was lost, so this import may itself have stored up to {made.lost} of the rows stored before."
        )
    _show_dropped(made)
    if not made.kinds:
        return
    table = grid("What to correct", "rows", "first row", "line", "field", "how")
    kinds = sorted(made.kinds.values(), key=lambda kind: -kind.rows)
    for kind in kinds[:_SHOWN]:
        first = kind.first
        table.add_row(*map(Text, (str(kind.rows), str(first.row), str(first.line), first.field, first.description)))
    out.print(table)
    if made.donors_without_consent:
        line = f"{_naming(made.donors)}. Record a consent for each donor, then import the file again:"
        body = '{"purpose": "sample_creation", "subject": "the donor"}'
        out.print(Text(line), Text(f"POST /api/consents {body}"), soft_wrap=True)
    if made.correctable:
        line = Text(f"Correct and import {refused}, or correct {file} and import that: one or the other, never both.")
        out.print(line, soft_wrap=True)
    if written is None or len(kinds) > _SHOWN:
        out.print("For the result of each row, add --report FILE.")
    if made.too_large:
        numbers = ", ".join(map(str, made.too_large[:_SHOWN]))
        rest = len(made.too_large) - _SHOWN
        numbers += f" and {rest} more" if rest > 0 else ""
        one = len(made.too_large) == 1
        print_error(
            f"Not in {refused}", f"{'row' if one else 'rows'} {numbers}, larger than 1 MB: correct {file} instead"
        )


def _show_dropped(made: Report) -> None:
    out, dropped = console(), made.dropped
    for note in (*made.notes, *([comments_note(made.comments)] if made.comments else ())):
        out.print(Text(note), soft_wrap=True)
    for kind, columns in dropped.by_name.items():
        if columns:
            more = f" and {len(columns) - _NAMED} more" if len(columns) > _NAMED else ""
            out.print(
                Text(f"Dropped from every row, {kind}: {', '.join(list(columns)[:_NAMED])}{more}"), soft_wrap=True
            )
    if dropped.values:
        table = grid(f"Dropped values, of {_rows(made.rows)}", "rows", "field", "why")
        drops = sorted(dropped.values.items(), key=lambda drop: -drop[1])
        for (field, reason), count in drops[:_SHOWN]:
            table.add_row(*map(Text, (str(count), field, reason)))
        out.print(table)
        if len(drops) > _SHOWN:
            out.print(
                f"{len(drops) - _SHOWN} more kinds of values were dropped. --report FILE names them for each row."
            )
    if made.bare:
        samples = "1 sample contains" if made.bare == 1 else f"{made.bare} samples contain"
        out.print(Text.assemble(("Warning: ", "yellow"), f"{samples} nothing but the organism."), soft_wrap=True)
    if dropped.more:
        out.print(f"{dropped.more} more values were dropped, under too many different names to list.")
