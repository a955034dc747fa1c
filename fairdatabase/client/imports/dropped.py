"""Dropped columns of an import: counts, over all chunks, what the platform did not store of the accepted rows."""

from collections.abc import Iterable, Sequence
from typing import Any

_BY_NAME = {"CAUSE_UNKNOWN": "unknown", "CAUSE_NEVER_STORED": "never stored"}
_MOST = 1000
"""The maximum number of drops to count separately."""


class DroppedColumns:
    """The dropped columns of one file."""

    def __init__(self) -> None:
        self.values: dict[tuple[str, str], int] = {}
        """In how many rows a value was dropped, by the field and the reason. Other values of the field are stored."""
        self.by_name: dict[str, dict[str, str]] = {kind: {} for kind in _BY_NAME.values()}
        """The columns of which no value is stored, each with the reason, by kind: "unknown" or "never stored"."""
        self.more = 0
        """How many further drops were not counted separately."""
        self._said: set[str] = set()

    def add(self, drops: Iterable[dict[str, Any]], more: int) -> None:
        """Add what the platform dropped from the rows of a chunk."""
        self.more += more
        for drop in drops:
            field, reason = drop["field"], drop["reason"]
            kind = _BY_NAME.get(drop["cause"])
            columns = self.by_name[kind] if kind else self.values
            key: Any = field if kind else (field, reason)
            if key not in columns and len(columns) >= _MOST:
                self.more += drop["rows"]
            elif kind:
                self.by_name[kind][field] = reason
            else:
                self.values[field, reason] = self.values.get((field, reason), 0) + drop["rows"]

    def say_columns(self) -> list[dict[str, str]]:
        """Return the columns found so far of which no value is stored. `of_row` leaves them out from now on."""
        columns = [
            {"field": field, "reason": reason} for found in self.by_name.values() for field, reason in found.items()
        ]
        self._said = {column["field"] for column in columns}
        return columns

    def of_row(self, names: Sequence[str]) -> list[str]:
        """Return the dropped fields of a row, except the columns that `say_columns` has returned."""
        return [name for name in names if name not in self._said]
