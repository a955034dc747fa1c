"""The report of an import: what became of each row, written as it becomes known, and the rows that were refused."""

import csv
import json
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, TextIO

from fairdb_client.import_rows import Chunk, FileRow

_TITLES = ("row", "line", "id", "reason", "field", "how to mend")
_KINDS = 1000
"""Kinds of problems that are counted apart; a file has a few, by its columns and by the rules."""


class Problem(NamedTuple):
    """One thing that is wrong with a row."""

    row: int
    line: int
    reason: str
    field: str
    """Empty when it is about the row as a whole."""
    description: str


@dataclass
class Kind:
    """Problems with the same field and the same words."""

    first: Problem
    rows: int = 0


class Report:
    """Counts rows, and writes what became of them."""

    def __init__(self, report: TextIO | None, as_table: bool, refused: BinaryIO | None) -> None:
        self.stored = self.refused = 0
        self.kinds: dict[tuple[str, str], Kind] = {}
        self._report = report
        self._table = csv.writer(report) if report is not None and as_table else None
        self._refused = refused
        if self._table is not None:
            self._table.writerow(_TITLES)

    def add(self, chunk: Chunk, answers: Sequence[dict[str, Any]]) -> None:
        """Add a chunk's rows; `answers` are the platform's, in order, to those that were sent."""
        left = iter(answers)
        for row in chunk.rows:
            answer = next(left) if row.fault is None else {"error": _error_of(row)}
            error = answer.get("error")
            problems = list(_problems_of(row, error)) if error else []
            self.stored += not problems
            self.refused += bool(problems)
            for problem in problems:
                self._count(problem)
            self._write(row, answer, problems)
            if problems and self._refused is not None:
                if not self._refused.tell() and chunk.titles:
                    self._refused.write(chunk.titles + b"\n")
                self._refused.write(row.to_mend + b"\n" if row.to_mend else b"")

    def _count(self, problem: Problem) -> None:
        what = (problem.field, problem.description)
        if what in self.kinds or len(self.kinds) < _KINDS:
            self.kinds.setdefault(what, Kind(problem)).rows += 1

    def _write(self, row: FileRow, answer: dict[str, Any], problems: Sequence[Problem]) -> None:
        if self._table is not None:
            if not problems:
                self._table.writerow([row.number, row.line, answer["id"], "", "", ""])
            for problem in problems:
                self._table.writerow([row.number, row.line, "", *problem[2:]])
        elif self._report is not None:
            found = {**answer, "row": row.number, "line": row.line}
            ordered = {name: found[name] for name in ("row", "line", "id", "error") if name in found}
            self._report.write(json.dumps(ordered, ensure_ascii=False) + "\n")


@contextmanager
def reporting(report: Path | None, refused: Path | None) -> Iterator[Report]:
    """Open a report. Raises OSError."""
    with ExitStack() as stack:
        text = stack.enter_context(report.open("w", encoding="utf-8", newline="")) if report else None
        rest = stack.enter_context(refused.open("wb")) if refused else None
        yield Report(text, report is not None and report.suffix.lower() == ".csv", rest)


def _error_of(row: FileRow) -> dict[str, Any]:
    assert row.fault is not None
    return {"reason": row.fault.reason, "message": row.fault.value, "violations": []}


def _problems_of(row: FileRow, error: dict[str, Any]) -> Iterator[Problem]:
    violations = error["violations"]
    for item in violations:
        field = item["field"].removeprefix("sample.")
        yield Problem(row.number, row.line, error["reason"], field, item["description"])
    if not violations:
        facts = ", ".join(f"{name}: {value}" for name, value in sorted(error.get("metadata", {}).items()) if value)
        yield Problem(row.number, row.line, error["reason"], "", error["message"] + (f" ({facts})" if facts else ""))
