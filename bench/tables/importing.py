"""What an import makes of a table: judged in this process, by the gateway's reader and the policy."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from pathlib import Path
from typing import BinaryIO

from bench.tables.crowds import Kept, Person, alone_for_readers, alone_in_public
from bench.tables.files import content_type_of, count_rows
from chassis.errors import AppError, InvalidRequest
from fairdatabase.policy.records.anonymisation import Anonymiser, render
from fairdatabase.policy.records.drops import Cause
from fairdatabase.policy.records.origins import Origin
from fairdatabase.sheets.decoding import Decoder
from fairdatabase.sheets.errors import BadTable
from fairdatabase.sheets.formats import is_workbook
from fairdatabase.violations import Violation
from fairdb.samples.v1.sample_pb2 import RawSample, Sample
from gateway.imports.files import open_reader
from gateway.imports.rows import Comments, Row, Titles

_STUDY = "0190f3a4-0000-7000-8000-000000000001"
_BYTES_AT_ONCE = 64 * 1024
_NUMBER = re.compile(r"\d+")


@dataclass(slots=True)
class Imported:
    """The figures of one table."""

    refused: str = ""
    """Why nothing of the table can be imported; empty if the rows were read."""
    rows: int = 0
    """Rows without the header. All rows of a table that cannot be imported count as refused."""
    accepted: int = 0
    reasons: Counter[str] = field(default_factory=Counter[str])
    """Refused rows by reason. A row with several reasons counts for each."""
    columns: int = 0
    """Columns of metadata, date and taxonomy id in which a row has a value."""
    dropped_columns: dict[str, str] = field(default_factory=dict[str, str])
    """Columns that are dropped in each row that has a value, with their most frequent cause."""
    cells: int = 0
    dropped_cells: Counter[str] = field(default_factory=Counter[str])
    """Dropped values by cause, and by reason where the value itself is the cause."""
    people: int = 0
    """Donors of the accepted rows. A row that names no donor counts as another person, unless it is of no person."""
    alone_in_public: int = 0
    """People who are alone with their public fields."""
    alone_for_readers: int = 0
    """People who are alone with what readers of the study see."""


def import_table(path: Path, anonymiser: Anonymiser, *, organism: str, most_rows: int) -> Imported:
    """Judge the first rows of a table. Rows without an organism get the given one, and every donor has consented."""
    found = Imported()
    try:
        _judge_rows(_items(path), anonymiser, organism, most_rows, found)
    except AppError as error:
        refused = "; ".join(sorted(_reasons(error)))
        rows = min(count_rows(path), most_rows)
        return Imported(refused=refused, rows=rows, reasons=Counter({f"whole table: {refused}": rows}))
    return found


def _items(path: Path) -> Iterator[Row | AppError]:
    """Yield the rows of a file as the gateway reads them, of an Excel file as `fairdb import` does. Raises AppError."""
    reader = open_reader(content_type_of(path))
    with path.open("rb") as file:
        for data in _text_of(file):
            yield from (item for item in reader.feed(data) if not isinstance(item, Titles | Comments))
    yield from (item for item in reader.end() if not isinstance(item, Titles | Comments))


def _text_of(file: BinaryIO) -> Iterator[bytes]:
    start = file.read(_BYTES_AT_ONCE)
    blocks = chain([start], iter(partial(file.read, _BYTES_AT_ONCE), b""))
    if not is_workbook(start):
        yield from blocks
        return
    decoder = Decoder(worksheet="")
    try:
        for block in blocks:
            yield from decoder.feed(block)
        yield from decoder.end()
    except BadTable as error:
        raise InvalidRequest(violations=[Violation("file", str(error))]) from None


def _judge_rows(
    items: Iterator[Row | AppError], anonymiser: Anonymiser, organism: str, most_rows: int, found: Imported
) -> None:
    given: Counter[str] = Counter()
    causes: dict[str, Counter[str]] = {}
    kept: list[Kept] = []
    for item in items:
        found.rows += 1
        if isinstance(item, AppError):
            found.reasons.update(_reasons(item))
        elif not item.sample.ByteSize():
            found.reasons["the row is empty"] += 1
        else:
            raw = item.sample
            raw.study = raw.study or _STUDY
            own = anonymiser.own_organism(raw)
            raw.organism = own or organism or raw.organism
            judged = anonymiser.judge(raw)
            given.update(_columns_of(raw))
            for name, dropped in {**judged.dropped, **judged.named.dropped}.items():
                cause = dropped.cause.name.lower()
                causes.setdefault(name, Counter())[cause] += 1
                found.dropped_cells[f"{cause}: {dropped.reason}" if dropped.cause is Cause.VALUE else cause] += 1
            if judged.violations:
                found.reasons.update({f"{v.field}: {_plain(v.description)}" for v in judged.violations})
            else:
                found.accepted += 1
                person = Person(judged.subject or f"row {found.rows}", is_donor=bool(judged.subject))
                stored = render(judged, lambda subject: subject)
                described = own or _described(stored.sample, anonymiser)
                is_of_a_person = anonymiser.origin(judged, described) is not Origin.ELSEWHERE
                kept.append(Kept(person, stored, is_of_a_person))
        if found.rows == most_rows:
            break
    found.columns, found.cells = len(given), given.total()
    for name, counted in causes.items():
        if counted.total() == given[name]:
            found.dropped_columns[name] = counted.most_common(1)[0][0]
    people = {one.person for one in kept if one.is_of_a_person}
    found.people = len(people)
    found.alone_in_public = len(people & alone_in_public(kept))
    found.alone_for_readers = len(people & alone_for_readers(kept))


def _described(sample: Sample, anonymiser: Anonymiser) -> str:
    """Return what a row that names no organism says about its site and medium: "soil", "human-gut"."""
    groups = anonymiser.policy.vocabulary.topics.groups
    names = groups["sites"] | groups["media"]
    return " ".join(value.string_value for name, value in sorted(sample.metadata.items()) if name in names)


def _columns_of(raw: RawSample) -> list[str]:
    """Return the names of the fields that may be dropped."""
    named = {"collectionDate": raw.collection_date, "taxonId": raw.taxon_id}
    return [*raw.metadata, *(name for name, value in named.items() if value)]


def _reasons(error: AppError) -> set[str]:
    violations = {f"{violation.field}: {_plain(violation.description)}" for violation in error.violations}
    return violations or {error.message}


def _plain(description: str) -> str:
    """Return a description in which all numbers are alike, so that equal faults of several tables count together."""
    return _NUMBER.sub("N", description)
