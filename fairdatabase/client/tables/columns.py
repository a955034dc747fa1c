"""The options that name columns, and the conversion of their values to roles of columns."""

import csv
import io
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fairdatabase.anonymity.model.errors import BadOption

if TYPE_CHECKING:
    # Only for type checks: at run time, loading numpy would take longer than most commands.
    from fairdatabase.anonymity.model.table import Table
    from fairdatabase.anonymity.risk.risk import Roles

File = Annotated[
    Path,
    typer.Argument(
        metavar="FILE", help="A CSV, TSV or Excel file (.xlsx) with a header; text may be packed with gzip."
    ),
]
Worksheet = Annotated[
    str, typer.Option("--sheet", metavar="NAME", help="The sheet of an Excel file that has several with data.")
]
Quasi = Annotated[
    list[str],
    typer.Option(
        metavar="A,B",
        help="The quasi-identifiers: columns that somebody else may know about a person. Separate names by commas.",
    ),
]
Sensitive = Annotated[
    list[str] | None,
    typer.Option(metavar="C,D", help="The sensitive columns: what nobody should learn about a person."),
]
Subject = Annotated[
    str | None, typer.Option(metavar="S", help="The column that identifies the person, if a person has several rows.")
]
Categorical = Annotated[
    list[str] | None, typer.Option(metavar="C", help="Sensitive columns whose numbers are codes without an order.")
]


def read_names(given: list[str] | None) -> tuple[str, ...]:
    """Return the column names of an option that may be repeated.

    Commas separate names. A name that contains a comma is in quotes.

    Raises BadOption.
    """
    return tuple(name for text in given or () for name in _split(text))


def _split(text: str) -> list[str]:
    try:
        # An empty text names a column without a title: tables with row numbers start with one.
        return next(csv.reader([text], strict=True), list[str]()) if text else [""]
    except csv.Error:
        why = "put a name that contains a comma, quote or line break in double quotes, and double the quotes inside it"
        raise BadOption(f"the column names in {text!r} are unclear: {why}") from None


def join_names(titles: Iterable[str]) -> str:
    """Return titles in the form that `read_names` reads."""
    line = io.StringIO()
    # csv quotes a cell that contains a character of the line terminator, so the terminator must be CRLF.
    csv.writer(line, lineterminator="\r\n").writerow(titles)
    return line.getvalue().removesuffix("\r\n")


def as_titled(names: Collection[str], titles: Collection[str]) -> tuple[str, ...]:
    """Return the names, spelled as in the header if they differ from a title only in surrounding spaces."""
    stripped = {title.strip(): title for title in titles}
    return tuple(name if name in titles else stripped.get(name.strip(), name) for name in names)


def roles_of(
    table: "Table",
    quasi: list[str] | None,
    sensitive: list[str] | None,
    subject: str | None,
    categorical: list[str] | None,
) -> "Roles":
    """Return the roles that the options give to the table's columns. Raises BadOption."""
    from fairdatabase.anonymity.risk.risk import Roles

    titles = table.columns
    return Roles(
        as_titled(read_names(quasi), titles),
        as_titled(read_names(sensitive), titles),
        as_titled([subject], titles)[0] if subject is not None else None,
        frozenset(as_titled(read_names(categorical), titles)),
    )
