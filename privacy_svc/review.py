"""Review: what the policy does to each column of a table of samples, for editors of the policy and owners of tables.

Run as `python -m privacy_svc.review FILE [FILE …]` on TSV or CSV files with a header. It prints no value of the table,
only what the platform would store of it.
"""

import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from fairdatabase.policy.records.anonymisation import Anonymiser
from fairdatabase.policy.records.preview import preview
from fairdatabase.policy.tables.fields import CLASS_NAMES
from fairdatabase.policy.tables.reader import Policy, load_policy
from fairdatabase.sheets.errors import BadTable
from fairdatabase.sheets.table import read_rows
from fairdb.samples.v1.sample_pb2 import RawSample
from fairdb.samples.v1.sample_service_pb2 import FieldPreview

_LONG_NAMES = {"quasi": "quasi-identifier"}
_ORGANISM = "human metagenome"
_EXAMPLES = 3
_USAGE = "usage: python -m privacy_svc.review FILE [FILE …]"
_OUTCOMES = {
    FieldPreview.OUTCOME_KEPT: "kept",
    FieldPreview.OUTCOME_CHANGED: "generalised",
    FieldPreview.OUTCOME_DROPPED: "dropped",
    FieldPreview.OUTCOME_REFUSED: "refused",
    FieldPreview.OUTCOME_BLANK: "blank",
}


@dataclass(slots=True)
class Column:
    """One column: the policy's field, and what happened to the values."""

    name: str
    field_class: str
    action: str
    counts: Counter[str] = field(default_factory=Counter)
    raised: Counter[str] = field(default_factory=Counter)
    """How many values have another class than the column, by this class."""
    examples: list[str] = field(default_factory=list)


def main(arguments: list[str]) -> int:
    """Print a review of each file."""
    if not arguments:
        print(_USAGE, file=sys.stderr)
        return 2
    if arguments[0] in ("-h", "--help"):
        print(_USAGE)
        print("Show what the policy does to each column of TSV or CSV files with a header.")
        return 0
    policy = load_policy()
    for name in arguments:
        try:
            columns = review(read_rows(Path(name)), policy)
        except BadTable as error:
            print(f"{name}: {error}", file=sys.stderr)
            return 1
        except OSError as error:
            print(f"{name}: {error.strerror or type(error).__name__}", file=sys.stderr)
            return 1
        print(f"{name}, by policy {policy.version}")
        for title, column in columns.items():
            counts = ", ".join(f"{count} {outcome}" for outcome, count in column.counts.most_common())
            raised = "".join(f"; {count} of them {class_}" for class_, count in column.raised.most_common())
            print(f"  {title}: {column.name}, {column.field_class}, {column.action}: {counts}{raised}")
            if column.examples:
                print(f"      {' | '.join(column.examples)}")
    return 0


def review(rows: Iterable[Mapping[str, str]], policy: Policy) -> dict[str, Column]:
    """Return what the policy does to each column, by its title."""
    anonymiser = Anonymiser(policy)
    columns: dict[str, Column] = {}
    for row in rows:
        raw = RawSample(organism=_ORGANISM)
        for title, value in row.items():
            raw.metadata[title].string_value = value
        for answer in preview(raw, anonymiser).fields:
            title = answer.name.removeprefix("metadata.")
            if title != answer.name:
                _count(columns.setdefault(title, _column(title, answer, policy)), answer)
    return columns


def _column(title: str, answer: FieldPreview, policy: Policy) -> Column:
    found = policy.listed(title)
    if found is None:
        return Column("unknown", _class_name(answer), "drop")
    class_ = CLASS_NAMES[found.field_class]
    return Column(found.name, _LONG_NAMES.get(class_, class_), found.says or found.action)


def _class_name(answer: FieldPreview) -> str:
    return FieldPreview.Class.Name(answer.field_class).removeprefix("CLASS_").lower().replace("_", "-")


def _count(column: Column, answer: FieldPreview) -> None:
    column.counts[_OUTCOMES[answer.outcome]] += 1
    if answer.stored_name and (class_ := _class_name(answer)) != column.field_class:
        column.raised[class_] += 1
    if answer.stored_name and len(column.examples) < _EXAMPLES:
        value = answer.stored_value
        example = value.string_value if value.HasField("string_value") else f"{value.number_value:g}"
        if example not in column.examples:
            column.examples.append(example)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
