"""Tables in memory: each column is its distinct values, plus one code per row."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fairdatabase.sheets.errors import BadTable

Codes = NDArray[np.integer]


@dataclass(frozen=True, slots=True)
class Column:
    """The values of one column: `values[codes[row]]`. Values are distinct texts; the empty text is a missing value.

    Codes are unsigned and as narrow as possible: widen them before calculating with them.
    """

    values: list[str]
    codes: Codes

    def texts(self, rows: Codes | slice = slice(None)) -> list[str]:
        """Return the texts of the given rows."""
        return [self.values[code] for code in self.codes[rows].tolist()]

    def take(self, rows: Codes) -> "Column":
        """Return the column with only these rows, in this order, and only the values that they have."""
        used, codes = np.unique(self.codes[rows], return_inverse=True)
        return Column([self.values[code] for code in used.tolist()], narrow(codes, len(used)))


@dataclass(frozen=True, slots=True)
class Table:
    """Columns by title, in the order of the file. `notes` say what they do not show of the file."""

    columns: dict[str, Column]
    rows: int
    delimiter: str = ","
    notes: tuple[str, ...] = ()

    def __getitem__(self, title: str) -> Column:
        return self.columns[title]

    def take(self, rows: Codes) -> "Table":
        """Return the table with only these rows, in this order."""
        columns = {title: column.take(rows) for title, column in self.columns.items()}
        return Table(columns, len(rows), self.delimiter, self.notes)


def narrow(codes: NDArray[np.integer], count: int) -> Codes:
    """Return codes below `count` in the narrowest type that holds them."""
    return codes.astype(np.min_scalar_type(max(count - 1, 0)), copy=False)


def column_of(texts: Iterable[str]) -> Column:
    """Return a column of these texts. Its values are in order of first occurrence."""
    values: dict[str, int] = {}
    codes = np.fromiter((values.setdefault(text, len(values)) for text in texts), dtype=np.int32)
    return Column(list(values), narrow(codes, len(values)))


def table_of(columns: Mapping[str, Sequence[str]]) -> Table:
    """Return a table of these columns, which must be equally long and not empty. Raises BadTable."""
    lengths = {len(texts) for texts in columns.values()}
    if len(lengths) != 1 or lengths == {0}:
        raise BadTable("the columns are empty or have different lengths")
    return Table({title: column_of(texts) for title, texts in columns.items()}, lengths.pop())


def as_shown(title: str) -> str:
    """Return a title on one line and visible: an empty title is shown as ''."""
    return " ".join(title.split()) or "''"
