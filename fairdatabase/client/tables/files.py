"""The files of the commands about tables: inputs are read with a progress bar, outputs are checked in advance."""

import os
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from fairdatabase.anonymity.model.errors import BadOption, CannotBeMet
from fairdatabase.client.terminal import BAD_INPUT, FAILED, print_error, progress_bar
from fairdatabase.sheets.errors import BadTable

if TYPE_CHECKING:
    # Only for type checks: at run time, loading numpy would take longer than most commands.
    from fairdatabase.anonymity.model.table import Table

_NEVER_WRITTEN = (".xlsx", ".xls", ".gz")


def read_with_progress(file: Path, worksheet: str = "") -> "Table":
    """Read a table. `worksheet`: the sheet to read of an Excel file. Raises BadTable, OSError."""
    from fairdatabase.anonymity.tables.reading import read_table

    with progress_bar(f"Reading {file.name}") as advance:
        return read_table(file, advance=lambda done, size: advance(None, done / size), worksheet=worksheet)


@contextmanager
def table_errors_explained(file: Path) -> Generator[None, None, None]:
    """End the command with one line on stderr: exit code 2 for bad input, 1 for a limit that cannot be met."""
    try:
        yield
    except BadOption as error:
        print_error(None, error)
        raise typer.Exit(BAD_INPUT) from None
    except BadTable as error:
        print_error(str(error.file or file), error)
        raise typer.Exit(BAD_INPUT) from None
    except CannotBeMet as error:
        print_error("Refused", error)
        raise typer.Exit(FAILED) from None
    except OSError as error:
        print_error(str(error.filename or file), error.strerror or type(error).__name__)
        raise typer.Exit(BAD_INPUT) from None
    except ModuleNotFoundError as error:
        if error.name != "numpy":
            raise
        print_error("numpy is not installed", "run `pip install fairdatabase[tables]`")
        raise typer.Exit(FAILED) from None


def check_outputs(outputs: Sequence[Path], inputs: Sequence[Path], *, force: bool) -> None:
    """End the command with exit code 2 when an output cannot be written, or would overwrite something."""
    for path in outputs:
        if (why := _why_not(path, inputs, force=force)) is not None:
            print_error(*why)
            raise typer.Exit(BAD_INPUT)


def _why_not(path: Path, inputs: Sequence[Path], *, force: bool) -> tuple[str, str] | None:
    """Return why a file must not be written: the path to name, and the reason."""
    folder = path.resolve().parent
    if path.is_dir():
        return str(path), "is a folder"
    if path.suffix.lower() in _NEVER_WRITTEN:
        return str(path), "would contain text: choose a name that ends in .csv"
    if not folder.is_dir():
        return str(path), "its folder does not exist"
    if path.exists() and not path.is_file():
        return str(path), "is not an ordinary file"
    if any(_is_output_of_process(path, number) for number in (1, 2)):
        return str(path), "is the command's own output: name another file"
    if any(path.exists() and source.exists() and path.samefile(source) for source in inputs):
        return str(path), "is an input, and inputs are never overwritten"
    if path.exists() and not force:
        return str(path), "exists already: use --force to overwrite it"
    if not os.access(folder, os.W_OK):
        return str(folder), "the folder is not writable"
    return None


def _is_output_of_process(path: Path, number: int) -> bool:
    """Return whether the file is open under this file descriptor: "/dev/stdout" may be an ordinary file."""
    try:
        return os.path.samestat(path.stat(), os.fstat(number))
    except OSError:
        return False
