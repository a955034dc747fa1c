"""The report of an import: the result of each row, written as it arrives, and the refused rows."""

import csv
import json
import os
from collections.abc import Generator, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, TextIO

from fairdatabase.client.imports.dropped import DroppedColumns
from fairdatabase.client.imports.rows import Chunk, FileRow, default_policy
from fairdatabase.client.imports.sending import Sent
from fairdatabase.policy.text.characters import clean
from fairdatabase.sheets.formulas import as_text

_TITLES = ("row", "line", "id", "reason", "field", "how to correct it", "dropped")
_FIELDS = ("row", "line", "id", "droppedFields", "moreDroppedFields", "error")
_OF_DONOR = ("subject", "collectionDate", "collection_date")
_OF_ORGANISM = ("organism", "taxon_id")
_MOST_KINDS = 1000
"""The maximum number of kinds of problems to count separately. A usual file has one per column and rule."""


class Problem(NamedTuple):
    """One problem of a row."""

    row: int
    line: int
    reason: str
    field: str
    """Empty when the problem concerns the row as a whole."""
    description: str


@dataclass
class Kind:
    """Problems with the same field and the same description."""

    first: Problem
    rows: int = 0


class Report:
    """Counts rows and writes their results."""

    def __init__(self, report: TextIO | None, as_table: bool, refused: BinaryIO | None) -> None:
        self.new = self.repeated = self.refused = 0
        self.lost = 0
        """The number of repeated rows that this command may have stored itself, because an earlier answer was lost."""
        self.donors_without_consent = False
        self.correctable = 0
        """How many rows were written to the file of refused rows."""
        self.too_large = list[int]()
        """The numbers of refused rows that were too large to write."""
        self.bare = 0
        """How many new samples contain nothing but the organism."""
        self.kinds: dict[tuple[str, str], Kind] = {}
        self.comments = 0
        self.notes: list[str] = []
        self.donors: Sequence[str] = ()
        """The titles of the columns that name the donor."""
        self.dropped = DroppedColumns()
        self._columns_written = False
        self._report = report
        self._table = csv.writer(report) if report is not None and as_table else None
        self._refused = refused
        if self._table is not None:
            self._table.writerow(_TITLES)

    @property
    def rows(self) -> int:
        """How many rows were processed."""
        return self.new + self.repeated + self.refused

    def add(self, chunk: Chunk, sent: Sent) -> None:
        """Add the rows of a chunk, with the platform's answers to those that were sent."""
        left, lines, repeated = (
            iter(sent.imported.answers),
            iter(bytes(chunk.content).split(b"\n")),
            sent.imported.repeated,
        )
        self.new -= repeated
        self.repeated += repeated
        self.lost += repeated if sent.answer_lost else 0
        self.comments, self.notes, self.donors = chunk.comments, chunk.notes, chunk.donors
        self.dropped.add(sent.imported.dropped, sent.imported.more_dropped)
        if chunk.titles and sent.imported.answers and not self._columns_written:
            self._write_columns()
        for row in chunk.rows:
            answer, line = (next(left), next(lines)) if row.fault is None else ({"error": _error_of(row)}, b"")
            error = answer.get("error")
            problems = list(_problems_of(row, error)) if error else []
            self.new += not problems
            self.refused += bool(problems)
            self.bare += not error and self._is_bare(line, answer)
            for problem in problems:
                self._count(problem)
            if error and error["reason"] == "CONSENT_REQUIRED":
                self.donors_without_consent |= error.get("metadata", {}).get("of") == "subject"
            self._write(row, answer, problems)
            if error and not _corrected_before(row, error):
                self._write_refused(chunk, row)

    def _is_bare(self, line: bytes, answer: dict[str, Any]) -> bool:
        """Return whether the sample of a row contains nothing but the organism."""
        if answer.get("moreDroppedFields"):
            return False
        dropped = {*answer.get("droppedFields", ())}.union(*self.dropped.by_name.values())
        row: dict[str, Any] = json.loads(line)
        given = {name: value for name, value in row.items() if name in _OF_DONOR} | row.get("metadata", {})
        return not any(name not in dropped and _says_more(name, value) for name, value in given.items())

    def _write_refused(self, chunk: Chunk, row: FileRow) -> None:
        if self._refused is None:
            return
        if not row.to_correct:
            self.too_large.append(row.number)
            return
        if not self.correctable and chunk.titles:
            self._refused.write(chunk.titles + b"\n")
        self._refused.write(row.to_correct + b"\n")
        self.correctable += 1

    def _count(self, problem: Problem) -> None:
        kind = (problem.field, problem.description)
        if kind in self.kinds or len(self.kinds) < _MOST_KINDS:
            self.kinds.setdefault(kind, Kind(problem)).rows += 1

    def _write_columns(self) -> None:
        """Report the columns that are dropped from every row, once."""
        self._columns_written = True
        columns = self.dropped.say_columns()
        if self._table is not None:
            for column in columns:
                self._add_line("", "", "", "", column["field"], column["reason"], column["field"])
        elif self._report is not None and columns:
            self._report.write(json.dumps({"columns": columns}, ensure_ascii=False) + "\n")

    def _add_line(self, *cells: object) -> None:
        """Add a line to a report in CSV. Titles of columns come from the file, and may look like formulas."""
        assert self._table is not None  # noqa: S101 - only a report in CSV has lines
        self._table.writerow([as_text(str(cell)) for cell in cells])

    def _write(self, row: FileRow, answer: dict[str, Any], problems: Sequence[Problem]) -> None:
        dropped = self.dropped.of_row(answer.get("droppedFields", ()))
        if self._table is not None:
            if not problems:
                self._add_line(row.number, row.line, answer["id"], "", "", "", "; ".join(dropped))
            for problem in problems:
                self._add_line(row.number, row.line, "", *problem[2:], "")
        elif self._report is not None:
            found = {**answer, "row": row.number, "line": row.line, "droppedFields": dropped}
            ordered = {name: found[name] for name in _FIELDS if name in found and found[name] != []}
            self._report.write(json.dumps(ordered, ensure_ascii=False) + "\n")


@contextmanager
def reporting(report: Path | None, refused: Path | None) -> Generator[Report, None, None]:
    """Open the files of a report. At the end, remove each file that stayed empty. Raises OSError."""
    made = None
    try:
        with ExitStack() as stack:
            text = rest = None
            if report is not None:
                text = stack.enter_context(open(report, "w", encoding="utf-8", newline="", opener=_private))
            if refused is not None:
                rest = stack.enter_context(open(refused, "wb", opener=_private))
            made = Report(text, report is not None and report.suffix.lower() == ".csv", rest)
            yield made
    finally:
        if made is not None and report is not None and not made.rows:
            report.unlink(missing_ok=True)
        if made is not None and refused is not None and not made.correctable:
            refused.unlink(missing_ok=True)


def _private(name: str, flags: int) -> int:
    """Open a file that only this user may read, because rows and titles may name people."""
    descriptor = os.open(name, flags, 0o600)
    with suppress(OSError):
        # The file may exist, or be a device.
        os.fchmod(descriptor, 0o600)
    return descriptor


def _says_more(name: str, value: object) -> bool:
    """Return whether a stored field says more about a sample than its organism."""
    policy = default_policy()
    if value is None or (isinstance(value, str) and policy.vocabulary.missing.term(clean(value)) == ""):
        return False
    field = policy.resolve(name)
    return field is None or field.name not in _OF_ORGANISM


def _error_of(row: FileRow) -> dict[str, Any]:
    assert row.fault is not None  # noqa: S101 - only faulty rows get here
    return {"reason": row.fault.reason, "message": row.fault.value, "violations": []}


def _problems_of(row: FileRow, error: dict[str, Any]) -> Iterator[Problem]:
    if _corrected_before(row, error):
        yield Problem(row.number, row.line, error["reason"], "", "Already stored: its correction was imported before.")
        return
    violations = error["violations"]
    for item in violations:
        field = item["field"].removeprefix("sample.")
        yield Problem(row.number, row.line, error["reason"], field, item["description"])
    if not violations:
        facts = ", ".join(f"{name}: {value}" for name, value in sorted(error.get("metadata", {}).items()) if value)
        yield Problem(row.number, row.line, error["reason"], "", error["message"] + (f" ({facts})" if facts else ""))


def _corrected_before(row: FileRow, error: dict[str, Any]) -> bool:
    """Return whether a corrected form of the row is already stored, from the file of refused rows.

    That file contains the generated key. So if the key is in use for other content, the correction is stored.
    """
    return row.key_generated and error["reason"] == "IDEMPOTENCY_KEY_REUSED"
