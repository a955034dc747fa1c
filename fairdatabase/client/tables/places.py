"""Where commands write: files that are looked at before anything takes long, and overwritten by --force only."""

import os
from collections.abc import Sequence
from pathlib import Path

import typer

from fairdatabase.client.access import tell
from fairdatabase.client.tables.columns import BAD_INPUT


def check_places(written: Sequence[Path], inputs: Sequence[Path], *, force: bool) -> None:
    """End the command with a line on stderr (2) when a file cannot be written, or must not be."""
    for path in written:
        if path.is_dir() or not path.resolve().parent.is_dir():
            tell(str(path), "is a folder" if path.is_dir() else "there is no such folder")
            raise typer.Exit(BAD_INPUT)
        if path.exists() and not path.is_file():
            tell(str(path), "is no ordinary file")
            raise typer.Exit(BAD_INPUT)
        if any(_is_output(path, number) for number in (1, 2)):
            tell(str(path), "is where this command prints what it does: name another file")
            raise typer.Exit(BAD_INPUT)
        if any(path.exists() and source.exists() and path.samefile(source) for source in inputs):
            tell(str(path), "is an input, which is not overwritten")
            raise typer.Exit(BAD_INPUT)
        if path.exists() and not force:
            tell(str(path), "is there already: --force overwrites it")
            raise typer.Exit(BAD_INPUT)
        if not os.access(path.resolve().parent, os.W_OK):
            tell(str(path.resolve().parent), "nothing may be written there")
            raise typer.Exit(BAD_INPUT)


def _is_output(path: Path, number: int) -> bool:
    """Tell whether a file is what the process has open under a number: "/dev/stdout" may be an ordinary file."""
    try:
        return os.path.samestat(path.stat(), os.fstat(number))
    except OSError:
        return False
