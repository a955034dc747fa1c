"""The output of commands: tables, progress bars, one-line errors and exit codes."""

import os
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from typing import NoReturn

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn
from rich.table import Table
from rich.text import Text

FAILED, BAD_INPUT, LEFT_ALONE = 1, 2, 3
NOBODY_READS = 141
"""The exit code that a shell reports for a command that SIGPIPE ended."""
INTERRUPTED = 130


def print_error(subject: str | None, why: object) -> None:
    """Print one line on stderr: what failed, and why. Without a subject, `why` says both."""
    line = Text(" ".join(str(why).split()))
    if subject is not None:
        line = Text.assemble((f"{subject}:", "bold red"), " ", line)
    Console(stderr=True, soft_wrap=True).print(line)


@contextmanager
def output_errors_explained() -> Generator[None, None, None]:
    """End the command if its output cannot be written. If the reader of a pipe has closed it, print no error."""
    try:
        yield
        if sys.stdout is not None:
            sys.stdout.flush()
    except BrokenPipeError:
        _discard_output()
        raise typer.Exit(NOBODY_READS) from None
    except OSError as error:
        _discard_output()
        print_error("Standard output", error.strerror or type(error).__name__)
        raise typer.Exit(BAD_INPUT) from None


@contextmanager
def quiet_on_closed_pipe() -> Generator[None, None, None]:
    """End the process without an error if the reader of a pipe has closed it while or after a command printed."""
    try:
        try:
            yield
        finally:
            # What is still buffered would otherwise fail at exit, where Python prints an error.
            if sys.stdout is not None:
                sys.stdout.flush()
    except BrokenPipeError:
        _discard_output()
        sys.exit(NOBODY_READS)


def _discard_output() -> None:
    """Send the rest of the output to /dev/null: otherwise Python fails again when it flushes at exit."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    # An output without a file descriptor needs no redirection.
    with suppress(OSError):
        os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


class _Console(Console):
    """A console that leaves a broken pipe to `output_errors_explained`."""

    def on_broken_pipe(self) -> NoReturn:
        """Raise BrokenPipeError."""
        raise BrokenPipeError


def console() -> Console:
    """Return a console that truncates nothing when the output is not a terminal."""
    # stdout is None if the process was started with stdout closed.
    is_terminal = sys.stdout is not None and sys.stdout.isatty()
    return _Console(highlight=False, width=None if is_terminal else 160)


def grid(title: str, *columns: str) -> Table:
    """Return an empty table to print, with a title above it."""
    made = Table(title=title, title_justify="left", title_style="bold")
    for column in columns:
        made.add_column(Text(column), overflow="fold")
    return made


@contextmanager
def progress_bar(description: str) -> Generator[Callable[[str | None, float], None], None, None]:
    """Yield a function that sets a bar's description and its share of 1. The bar appears on a terminal only."""
    bar_console = Console(stderr=True)
    columns = TextColumn("{task.description}"), BarColumn(), TaskProgressColumn()
    with Progress(*columns, console=bar_console, transient=True, disable=not bar_console.is_terminal) as progress:
        task = progress.add_task(description, total=1.0)

        def advance(now: str | None, share: float) -> None:
            progress.update(task, completed=share, description=now or description)

        yield advance
