"""`fairdb anonymize`: a table generalised until it hides the people in it as well as asked."""

import json
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from fairdatabase.client.access import tell
from fairdatabase.client.tables.columns import (
    BAD_INPUT,
    Categorical,
    File,
    Quasi,
    Sensitive,
    Subject,
    as_titled,
    console,
    grid,
    printed,
    read,
    read_names,
    roles_of,
    shown,
    told,
)
from fairdatabase.client.tables.places import check_places

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


def anonymize_command(
    file: File,
    quasi: Quasi,
    out: Annotated[Path, typer.Option(metavar="FILE", help="Where to write the table.")],
    sensitive: Sensitive = None,
    subject: Subject = None,
    categorical: Categorical = None,
    k: Annotated[int, typer.Option("--k", min=1, metavar="N", help="People in each class, at least.")] = 5,
    l: Annotated[  # noqa: E741 - the field's own name
        int,
        typer.Option("--l", min=1, metavar="N", help="Different values of each sensitive column in a class, at least."),
    ] = 1,
    t: Annotated[
        float | None,
        typer.Option("--t", min=0, max=1, metavar="T", help="Distance of a class from the table, at most."),
    ] = None,
    max_suppression: Annotated[
        float, typer.Option(metavar="PART", help="The part of the rows that may be left out: 0, or more, but below 1.")
    ] = 0.1,
    drop: Annotated[list[str] | None, typer.Option(metavar="A,B", help="Columns that are not to be written.")] = None,
    hierarchy: Annotated[
        list[str] | None,
        typer.Option(
            metavar="COLUMN=FILE",
            help="The tree of a column: CSV, TSV or semicolons, each line a value, what it becomes, and so on.",
        ),
    ] = None,
    recoding: Annotated[
        Recoding,
        typer.Option(
            help="full: a column to one level throughout; local: each class for itself; least: what loses less."
        ),
    ] = Recoding.LEAST,
    report: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Where to write what was done: FILE.md, FILE.json and FILE.svg.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite files that are there already.")] = False,
) -> None:
    """Write a table in which nobody can be told from fewer than k people, and which says as much else as it can.

    Values are generalised, rows left out within the limit, and the order of rows is a new one. Needs no server.

    Exit codes: 0 done, 1 a limit cannot be met, 2 bad input, or output that cannot be written.
    """
    with told(file):
        from fairdatabase.anonymity.reports.report import report as report_of
        from fairdatabase.anonymity.risk.limits import Limits
        from fairdatabase.anonymity.search.anonymise import anonymise

        # Whatever follows any "=" may be a tree's file.
        trees_given = [Path(text[cut + 1 :]) for text in hierarchy or () for cut, c in enumerate(text) if c == "="]
        _check_places(file, out, report, trees_given, force=force)
        table = read(file)
        roles = roles_of(table, quasi, sensitive, subject, categorical)
        limits = Limits(k, l, t, max_suppression)
        trees = _read_trees(hierarchy, table, roles.quasi)
        dropped = as_titled(read_names(drop), table.columns)
        with shown("Looking for what loses least") as advance:
            done = anonymise(table, roles, limits, hierarchies=trees, drop=dropped, way=recoding.value, advance=advance)
        content = report_of(done, roles, limits)
    with told(out), _stopped_cleanly():
        _write(file, out, report, done, content, force=force)
    with printed():
        _show(content, done.before, out, console())


def _check_places(file: Path, out: Path, report: Path | None, trees: Sequence[Path], *, force: bool) -> None:
    """End the command when a file cannot be written, before anything takes long."""
    if report is not None and report.name in ("", ".."):
        tell(f"--report {str(report)!r}", "is a folder: give a name in it")
        raise typer.Exit(BAD_INPUT)
    written = [out, *(_beside(report, suffix) for suffix in (".md", ".json", ".svg") if report is not None)]
    check_places(written, (file, *trees), force=force)
    if len({path.resolve() for path in written}) < len(written):
        tell(str(out), "cannot be table and report in one")
        raise typer.Exit(BAD_INPUT)


def _read_trees(given: list[str] | None, table: "Table", quasi: Sequence[str]) -> "dict[str, Hierarchy]":
    from fairdatabase.anonymity.hierarchies.trees import read_tree
    from fairdatabase.anonymity.model.errors import BadOption

    trees = {}
    for text in given or ():
        # A title may hold "=", a file as well: the first split that names a column counts.
        cuts = [i for i, mark in enumerate(text) if mark == "="]
        split = next(((text[:i], text[i + 1 :]) for i in cuts if text[:i] in table.columns), None)
        if split is None:
            raise BadOption(f"--hierarchy {text}: write COLUMN=FILE, with a column of the table")
        if split[0] not in quasi:
            raise BadOption(f"--hierarchy {text}: {split[0]!r} is no quasi-identifier, so nothing is made of it")
        if not split[1]:
            raise BadOption(f"--hierarchy {text}: write COLUMN=FILE, with the name of a file")
        if split[0] in trees:
            raise BadOption(f"--hierarchy {text}: {split[0]!r} has a tree already")
        trees[split[0]] = read_tree(Path(split[1]), split[0], table[split[0]].values)
    return trees


def _beside(report: Path | None, suffix: str) -> Path:
    assert report is not None
    plain = report.with_suffix("") if report.suffix in (".md", ".json", ".svg") else report
    return plain.with_name(plain.name + suffix)


@contextmanager
def _stopped_cleanly() -> Iterator[None]:
    """Let SIGTERM end the command like an error, so that no half-written file is left."""
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
    """Write the table, and its report: all or nothing."""
    from fairdatabase.anonymity.reports.plot import plot_sizes
    from fairdatabase.anonymity.reports.report import as_markdown
    from fairdatabase.anonymity.tables.writing import delimiter_for, replaced, write_rows

    texts: dict[Path, str] = {}
    if report is not None:
        svg = _beside(report, ".svg")
        # A file's name need not be text.
        name = os.fsencode(file.name).decode(errors="replace")
        texts[svg] = plot_sizes(done.sizes_before, done.sizes_after, content["limits"]["k"])
        texts[_beside(report, ".json")] = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
        texts[_beside(report, ".md")] = as_markdown(content, name, svg.name)
    with replaced(out, *texts, force=force) as (table, *reports):
        write_rows(done.table, table, delimiter_for(out, done.table))
        for opened, text in zip(reports, texts.values(), strict=True):
            opened.write(text)


def _show(content: dict[str, Any], before: "Risk", out: Path, screen: Console) -> None:
    from fairdatabase.anonymity.model.table import as_shown

    rows, after = content["rows"], content["after"]
    table = grid("Generalised", "column", "level", "values", "unchanged", "loss (NCP)", "for example")
    for column in content["columns"]:
        cells = (as_shown(column["column"]), column["level_name"], str(column["values"]), f"{column['unchanged']:.1%}",
                 f"{column['ncp']:g}", ", ".join(value or "(missing)" for value in column["examples"]))  # fmt: skip
        table.add_row(*map(Text, cells))
    screen.print(table)
    for warning in content["warnings"]:
        screen.print(Text.assemble(("To consider: ", "yellow"), warning), soft_wrap=True)
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
