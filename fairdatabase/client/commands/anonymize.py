"""`fairdb anonymize`: generalises a table until it protects its people as well as the options require."""

import json
import os
import signal
import sys
import threading
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from fairdatabase.anonymity.model.errors import BadOption
from fairdatabase.client.tables.columns import (
    Categorical,
    File,
    Quasi,
    Sensitive,
    Subject,
    Worksheet,
    as_titled,
    read_names,
    roles_of,
)
from fairdatabase.client.tables.files import check_outputs, read_with_progress, table_errors_explained
from fairdatabase.client.tables.proposal import left_out_line
from fairdatabase.client.terminal import (
    BAD_INPUT,
    LEFT_ALONE,
    console,
    grid,
    output_errors_explained,
    print_error,
    progress_bar,
)

if TYPE_CHECKING:
    from fairdatabase.anonymity.model.hierarchy import Hierarchy
    from fairdatabase.anonymity.model.table import Table
    from fairdatabase.anonymity.risk.risk import Risk
    from fairdatabase.anonymity.search.anonymise import Anonymised


class Recoding(StrEnum):
    """How values are generalised."""

    LEAST = "least"
    FULL = "full"
    LOCAL = "local"
    CLUSTER = "cluster"


def anonymize_command(
    file: File,
    quasi: Quasi,
    out: Annotated[Path, typer.Option(metavar="FILE", help="Where to write the anonymised table.")],
    sensitive: Sensitive = None,
    subject: Subject = None,
    categorical: Categorical = None,
    worksheet: Worksheet = "",
    k: Annotated[int, typer.Option("--k", min=1, metavar="N", help="The least number of people in a class.")] = 5,
    l: Annotated[  # noqa: E741 - the field's own name
        int,
        typer.Option(
            "--l",
            min=1,
            metavar="N",
            help="The least number of different values that a class has in each sensitive column.",
        ),
    ] = 1,
    t: Annotated[
        float | None,
        typer.Option(
            "--t",
            min=0,
            max=1,
            metavar="T",
            help="The greatest distance between a class and the whole table in a sensitive column.",
        ),
    ] = None,
    max_suppression: Annotated[
        float, typer.Option(metavar="SHARE", help="The share of the rows that may be left out, from 0 to below 1.")
    ] = 0.1,
    drop: Annotated[list[str] | None, typer.Option(metavar="A,B", help="Columns to leave out of the table.")] = None,
    keep: Annotated[
        list[str] | None,
        typer.Option(
            metavar="A,B", help="Columns to publish unchanged, although by default they are left out or made coarser."
        ),
    ] = None,
    hierarchy: Annotated[
        list[str] | None,
        typer.Option(
            metavar="COLUMN=FILE",
            help="The hierarchy of a column. Each line of the file has a value and its generalisation at each level, "
            "separated by commas, tabs or semicolons.",
        ),
    ] = None,
    recoding: Annotated[
        Recoding,
        typer.Option(
            help="full: generalise a whole column to one level; local: generalise each class separately; cluster: the "
            "same, with classes that grow row by row, which is slow for large tables; least: use whichever loses least "
            "detail, without clustering large tables."
        ),
    ] = Recoding.LEAST,
    report: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write a report as FILE.md, FILE.json and FILE.svg.")
    ] = None,
    allow_alone: Annotated[
        bool, typer.Option("--allow-alone", help="Exit with 0 even if the written table leaves somebody alone.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Overwrite existing files.")] = False,
) -> None:
    """Write a copy of a table in which each person looks the same as at least k-1 others, losing little detail.

    The command generalises values, leaves out rows within a limit, and shuffles the rows. A class is all rows with the
    same quasi-identifiers. Other columns are left out if they identify people, reveal what was generalised, contain
    free text, or are unknown to the platform's policy. In the rest, including sensitive columns, at least k people
    share each value: numbers become intervals, and rare values "*". --keep publishes a column as it is. No server is
    needed.

    Exit codes: 0 success, 1 a limit cannot be met, 2 bad input or the output cannot be written, 3 the written table
    leaves somebody alone: with all columns that are not sensitive, or with one that --keep names (see --allow-alone).
    """
    with table_errors_explained(file):
        from fairdatabase.anonymity.reports.report import leaves_somebody_alone
        from fairdatabase.anonymity.reports.report import report as report_of
        from fairdatabase.anonymity.risk.limits import Limits
        from fairdatabase.anonymity.search.anonymise import anonymise

        # A title may contain "=", so the text after any "=" may be the file name.
        hierarchy_files = [Path(text[at + 1 :]) for text in hierarchy or () for at, c in enumerate(text) if c == "="]
        _check_files(file, out, report, hierarchy_files, force=force)
        table = read_with_progress(file, worksheet)
        roles = roles_of(table, quasi, sensitive, subject, categorical)
        limits = Limits(k, l, t, max_suppression)
        trees = _read_trees(hierarchy, table, roles.quasi)
        dropped, kept = (as_titled(read_names(names), table.columns) for names in (drop, keep))
        with progress_bar("Searching for the least loss") as advance:
            done = anonymise(
                *(table, roles, limits),
                hierarchies=trees,
                drop=dropped,
                keep=kept,
                method=recoding.value,
                advance=advance,
            )
        content = report_of(done, done.roles, limits)
    # Before anything is written, so that it can still be interrupted.
    with output_errors_explained():
        _show(content, done, table.notes, console())
    with table_errors_explained(out), _sigterm_as_exit():
        _write(file, out, report, done, content, force=force)
    with output_errors_explained():
        _show_figures(content, done.before, out, console())
    if limits.k > 1 and not allow_alone and leaves_somebody_alone(content):
        raise typer.Exit(LEFT_ALONE)


def _check_files(file: Path, out: Path, report: Path | None, hierarchies: Sequence[Path], *, force: bool) -> None:
    """End the command when a file cannot be written, before the search starts."""
    if report is not None and report.name in ("", ".."):
        print_error(f"--report {str(report)!r}", "is a folder: add a file name")
        raise typer.Exit(BAD_INPUT)
    written = [out, *(_beside(report, suffix) for suffix in (".md", ".json", ".svg"))] if report else [out]
    check_outputs(written, (file, *hierarchies), force=force)
    if len({path.resolve() for path in written}) < len(written):
        print_error(str(out), "cannot be both the table and its report")
        raise typer.Exit(BAD_INPUT)


def _read_trees(given: list[str] | None, table: "Table", quasi: Sequence[str]) -> "dict[str, Hierarchy]":
    from fairdatabase.anonymity.hierarchies.trees import read_tree

    trees: dict[str, Hierarchy] = {}
    for text in given or ():
        # A title may contain "=", and so may a file name: use the first split that names a column.
        cuts = [i for i, mark in enumerate(text) if mark == "="]
        split = next(((text[:i], text[i + 1 :]) for i in cuts if text[:i] in table.columns), None)
        if split is None:
            raise BadOption(f"--hierarchy {text}: write COLUMN=FILE with a column of the table")
        if split[0] not in quasi:
            raise BadOption(f"--hierarchy {text}: {split[0]!r} is not a quasi-identifier, so it is not generalised")
        if not split[1]:
            raise BadOption(f"--hierarchy {text}: write COLUMN=FILE with the name of a file")
        if split[0] in trees:
            raise BadOption(f"--hierarchy {text}: {split[0]!r} already has a hierarchy")
        trees[split[0]] = read_tree(Path(split[1]), split[0], table[split[0]].values)
    return trees


def _beside(report: Path, suffix: str) -> Path:
    plain = report.with_suffix("") if report.suffix in (".md", ".json", ".svg") else report
    return plain.with_name(plain.name + suffix)


@contextmanager
def _sigterm_as_exit() -> Generator[None, None, None]:
    """Make SIGTERM end the command like an error, so that no partial file is left."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _write(
    file: Path, out: Path, report: Path | None, done: "Anonymised", content: dict[str, Any], *, force: bool
) -> None:
    """Write the table and its report: all files or none."""
    from fairdatabase.anonymity.reports.plot import plot_sizes
    from fairdatabase.anonymity.reports.report import as_markdown
    from fairdatabase.anonymity.tables.writing import delimiter_for, replaced, write_rows

    texts: dict[Path, str] = {}
    if report is not None:
        svg = _beside(report, ".svg")
        # A file name need not be valid text.
        name = os.fsencode(file.name).decode(errors="replace")
        texts[svg] = plot_sizes(done.sizes_before, done.sizes_after, content["limits"]["k"])
        texts[_beside(report, ".json")] = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
        texts[_beside(report, ".md")] = as_markdown(content, name, svg.name)
    with replaced(out, *texts, force=force) as (table, *reports):
        write_rows(done.table, table, delimiter_for(out, done.table))
        for opened, text in zip(reports, texts.values(), strict=True):
            opened.write(text)


def _show(content: dict[str, Any], done: "Anonymised", notes: Sequence[str], screen: Console) -> None:
    """Print notes on the file, what is published, and what it reveals.

    Notes are not in the report: they may name sheets, which need not be published.
    """
    from fairdatabase.anonymity.model.table import as_shown
    from fairdatabase.anonymity.reports.report import hidden_text, singled_out_text

    for note in notes:
        screen.print(Text(note), soft_wrap=True)
    table = grid("Generalised", "column", "level", "values", "unchanged", "loss (NCP)", "examples")
    for column in content["columns"]:
        cells = (as_shown(column["column"]), column["level_name"], str(column["values"]), f"{column['unchanged']:.1%}",
                 f"{column['ncp']:g}", ", ".join(value or "(missing)" for value in column["examples"]))  # fmt: skip
        table.add_row(*map(Text, cells))
    screen.print(table)
    for warning in content["warnings"]:
        screen.print(Text.assemble(("Warning: ", "yellow"), warning), soft_wrap=True)
    if done.left_out:
        screen.print(Text(left_out_line(done.left_out)), soft_wrap=True)
    if done.hidden:
        screen.print(Text(hidden_text(done.hidden)), soft_wrap=True)
    screen.print(Text(singled_out_text(content)), soft_wrap=True)


def _show_figures(content: dict[str, Any], before: "Risk", out: Path, screen: Console) -> None:
    from fairdatabase.anonymity.model.table import as_shown

    rows, after = content["rows"], content["after"]
    t = "".join(f", t of {as_shown(title)} {before.t[title]:.3f} -> {value:.3f}" for title, value in after["t"].items())
    l_ = "".join(
        f", l of {as_shown(title)} {before.distinct_l[title]} -> {v}" for title, v in after["distinct_l"].items()
    )
    screen.print(
        Text(
            f"{out}: {rows['published']} of {rows['input']} rows, {content['recoding']}; "
            f"k {before.k} -> {after['k']}{l_}{t}; loss {content['loss']['ncp']:g}"
        ),
        soft_wrap=True,
    )
