"""Dropped fields: counts and names the fields that an import does not store.

A sender's own names may identify somebody, so only this object holds them, in memory. Answers that wait in the spool,
which may use a file, contain numbers instead; they are replaced by the names when the caller reads the answer.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from fairdatabase.policy.records.drops import UNKNOWN
from fairdatabase.policy.tables.fields import Policy
from fairdatabase.policy.tables.titles import names_fields_in_values
from fairdb.samples.v1 import import_service_pb2 as pb

_MOST_NAMES = 4096
_MOST_CHARACTERS = 256 * 1024
"""Limits of the names of one import. Beyond them, drops are only counted."""
_MOST_IN_SUMMARY = 1000
_MESSAGE_BYTES = 512 * 1024

Cause = pb.DroppedColumn.Cause


class _Name(NamedTuple):
    text: str
    cause: Cause.ValueType
    is_column: bool
    """Whether the first message names the column for all rows."""


class DroppedFields:
    """The fields that one import drops."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self.columns: list[pb.DroppedColumn] = []
        """The columns of a table that are dropped from every row, because of their name."""
        self._numbers: dict[str, int] = {}
        self._names: list[_Name] = []
        self._characters = 0
        self._drops: dict[tuple[int, str], pb.DroppedColumn] = {}
        self._more = 0

    def add_columns(self, titles: Iterable[str]) -> None:
        """Find the columns of a table that are dropped because of their name."""
        for title in titles:
            if (dropped := self._dropped_by_name(title)) is not None and self._number(
                title, is_column=True
            ) is not None:
                self.columns.append(dropped)

    def note(self, row: pb.ImportedRow, reasons: Mapping[str, str]) -> None:
        """Count the fields that were dropped from a stored row, and write their numbers into its answer."""
        for name in sorted(reasons):
            number = self._number(name)
            if number is None:
                row.more_dropped_fields += 1
                self._more += 1
                continue
            found = self._names[number]
            if not found.is_column:
                row.dropped_fields.append(str(number))
            drop = self._drops.get((number, reasons[name]))
            if drop is not None:
                drop.rows += 1
            elif len(self._drops) < _MOST_IN_SUMMARY:
                self._drops[number, reasons[name]] = pb.DroppedColumn(
                    field=found.text, cause=found.cause, reason=reasons[name], rows=1
                )
            else:
                self._more += 1

    def named(self, answer: pb.ImportSamplesResponse) -> Iterator[pb.ImportSamplesResponse]:
        """Replace the numbers in an answer by names. Yield the answer in messages of a moderate size."""
        for row in answer.rows:
            if row.dropped_fields:
                row.dropped_fields[:] = [self._names[int(number)].text for number in row.dropped_fields]
        if answer.HasField("summary"):
            answer.summary.dropped.extend(self._drops.values())
            answer.summary.more_dropped = self._more
        if answer.ByteSize() <= _MESSAGE_BYTES:
            yield answer
            return
        part = pb.ImportSamplesResponse(columns=answer.columns)
        size = 0
        for row in answer.rows:
            part.rows.append(row)
            size += row.ByteSize()
            if size > _MESSAGE_BYTES:
                yield part
                part, size = pb.ImportSamplesResponse(), 0
        if answer.HasField("summary"):
            part.summary.CopyFrom(answer.summary)
        yield part

    def _number(self, name: str, *, is_column: bool = False) -> int | None:
        """Return the number of a name, None if there is no room for another name."""
        number = self._numbers.get(name)
        if number is None and len(self._names) < _MOST_NAMES and self._characters + len(name) <= _MOST_CHARACTERS:
            number = self._numbers[name] = len(self._names)
            dropped = self._dropped_by_name(name)
            self._names.append(_Name(name, dropped.cause if dropped else Cause.CAUSE_VALUE, is_column))
            self._characters += len(name)
        return number

    def _dropped_by_name(self, name: str) -> pb.DroppedColumn | None:
        """Return the drop of a field whose name alone decides it."""
        field = self._policy.resolve(name)
        if names_fields_in_values(name):
            return None
        if field is None:
            return pb.DroppedColumn(field=name, cause=Cause.CAUSE_UNKNOWN, reason=UNKNOWN.reason)
        if field.is_stored or field.action == "subject":
            return None
        return pb.DroppedColumn(field=name, cause=Cause.CAUSE_NEVER_STORED, reason=" ".join(field.why.split()))
