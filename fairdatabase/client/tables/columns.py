"""What the commands about tables share: how columns are named, how a file is read, and how a fault is told."""

import csv
import io
import os
import sys
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn
from rich.table import Table as Grid
from rich.text import Text

from fairdatabase.client.access import tell

if TYPE_CHECKING:
    # Not at run time: numpy takes longer to load than most commands to run.
    from fairdatabase.anonymity.model.table import Table
    from fairdatabase.anonymity.risk.risk import Roles

CANNOT, BAD_INPUT = 1, 2
# What a shell reports of a command that ends by SIGPIPE.
NOBODY_READS = 141

File = Annotated[Path, typer.Argument(metavar="FILE", help="A TSV or CSV file with a header, in UTF-8.")]
Quasi = Annotated[
    list[str],
    typer.Option(
        metavar="A,B", help="Quasi-identifiers: columns that somebody may know of a person. Commas separate names."
    ),
]
Sensitive = Annotated[list[str] | None, typer.Option(metavar="C,D", help="Columns that nobody may learn of a person.")]
Subject = Annotated[
    str | None, typer.Option(metavar="S", help="The column that names the person, where one has several rows.")
]
Categorical = Annotated[
    list[str] | None, typer.Option(metavar="C", help="Sensitive columns whose numbers are codes: they have no order.")
]


def read_names(given: list[str] | None) -> tuple[str, ...]:
    """Return the names of an option that may be repeated, separated by commas; one that holds a comma is quoted.

    Raises BadOption.
    """
    return tuple(name for text in given or () for name in _split(text))


def _split(text: str) -> list[str]:
    from fairdatabase.anonymity.model.errors import BadOption

    try:
        # An empty text is the name of a column without a title, which a table with row numbers begins with.
        return next(csv.reader([text], strict=True), []) if text else [""]
    except csv.Error:
        why = "put a name with a comma, a quote or a line break between double quotes, and write its own quotes twice"
        raise BadOption(f"cannot tell the names in {text!r}: {why}") from None


def join_names(titles: Iterable[str]) -> str:
    """Return titles as `read_names` reads them."""
    line = io.StringIO()
    # csv quotes the characters that end its own lines.
    csv.writer(line, lineterminator="\r\n").writerow(titles)
    return line.getvalue().removesuffix("\r\n")


def as_titled(names: Collection[str], titles: Collection[str]) -> tuple[str, ...]:
    """Return the names as the header has them, where they differ in outer space only."""
    stripped = {title.strip(): title for title in titles}
    return tuple(name if name in titles else stripped.get(name.strip(), name) for name in names)


def roles_of(
    table: "Table",
    quasi: list[str] | None,
    sensitive: list[str] | None,
    subject: str | None,
    categorical: list[str] | None,
) -> "Roles":
    """Return which columns of the table are what, as the options say."""
    from fairdatabase.anonymity.risk.risk import Roles

    titles = table.columns
    return Roles(
        as_titled(read_names(quasi), titles),
        as_titled(read_names(sensitive), titles),
        as_titled([subject], titles)[0] if subject is not None else None,
        frozenset(as_titled(read_names(categorical), titles)),
    )


def read(file: Path) -> "Table":
    """Read a table, with a bar on a terminal while that takes its time."""
    from fairdatabase.anonymity.tables.reading import read_table

    with shown(f"Reading {file.name}") as advance:
        return read_table(file, advance=lambda done, size: advance(None, done / size))


@contextmanager
def shown(what: str) -> Iterator[Callable[[str | None, float], None]]:
    """Yield what moves a bar on stderr, which is there on a terminal only."""
    console = Console(stderr=True)
    columns = TextColumn("{task.description}"), BarColumn(), TaskProgressColumn()
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(what, total=1.0)

        def advance(now: str | None, part: float) -> None:
            progress.update(task, completed=part, description=now or what)

        yield advance


@contextmanager
def told(file: Path) -> Iterator[None]:
    """End the command with a line on stderr when the table cannot be read (2) or a limit not be met (1)."""
    from fairdatabase.anonymity.model.errors import BadOption, CannotBeMet
    from fairdatabase.sheets.errors import BadTable

    try:
        yield
    except BadOption as error:
        tell(None, error)
        raise typer.Exit(BAD_INPUT) from None
    except BadTable as error:
        tell(str(error.file or file), error)
        raise typer.Exit(BAD_INPUT) from None
    except CannotBeMet as error:
        tell("Refused", error)
        raise typer.Exit(CANNOT) from None
    except OSError as error:
        tell(str(error.filename or file), error.strerror or type(error).__name__)
        raise typer.Exit(BAD_INPUT) from None
    except ModuleNotFoundError as error:
        if error.name != "numpy":
            raise
        tell("numpy is missing", "install fairdatabase[tables]")
        raise typer.Exit(CANNOT) from None


@contextmanager
def printed() -> Iterator[None]:
    """End the command when what it prints cannot be written, quietly where nobody reads on."""
    try:
        yield
        if sys.stdout is not None:
            sys.stdout.flush()
    except BrokenPipeError:
        _print_no_more()
        raise typer.Exit(NOBODY_READS) from None
    except OSError as error:
        _print_no_more()
        tell("Standard output", error.strerror or type(error).__name__)
        raise typer.Exit(BAD_INPUT) from None


def _print_no_more() -> None:
    """Lead what is still to be written nowhere: else Python fails again when it ends."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    # Where the output is no file of the system there is nothing to lead elsewhere.
    with suppress(OSError):
        os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


class _Console(Console):
    """A console that leaves it to `printed` to end the command when nobody reads on."""

    def on_broken_pipe(self) -> NoReturn:
        """Raise BrokenPipeError."""
        raise BrokenPipeError


def console() -> Console:
    """Return a console that cuts nothing off where the output is no terminal."""
    # Who closes the output wants none: it is None then.
    is_terminal = sys.stdout is not None and sys.stdout.isatty()
    return _Console(highlight=False, width=None if is_terminal else 160)


def grid(title: str, *columns: str) -> Grid:
    """Return a table with these columns."""
    made = Grid(title=title, title_justify="left", title_style="bold")
    for column in columns:
        made.add_column(Text(column), overflow="fold")
    return made
