"""Reads a TSV or CSV file as a table of coded columns."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from fairdatabase.anonymity.model.table import Codes, Column, Table, narrow
from fairdatabase.sheets.table import Sheet

Advance = Callable[[int, int], None]


class _Numbering(dict[str, int]):
    """Codes by value; a new value gets the next code."""

    def __missing__(self, value: str) -> int:
        code = self[value] = len(self)
        return code


def read_table(path: Path, advance: Advance | None = None, worksheet: str = "") -> Table:
    """Read a file as `sheets.table.Sheet` describes it.

    `worksheet`: the sheet to read of an Excel file, "" for the only one with data. `advance` is called now and then
    with the number of bytes read and the size of the file. Raises BadTable, OSError.
    """
    with path.open("rb") as file:
        sheet = Sheet(file, worksheet)
        numberings = [_Numbering() for _ in sheet.titles]
        pieces: list[list[Codes]] = [[] for _ in sheet.titles]
        rows = 0
        for chunk in sheet.chunks():
            for i, texts in enumerate(zip(*chunk, strict=True)):
                codes = np.fromiter(map(numberings[i].__getitem__, texts), np.int32, len(texts))
                pieces[i].append(narrow(codes, len(numberings[i])))
            rows += len(chunk)
            if advance:
                advance(sheet.position, sheet.size)
    columns: dict[str, Column] = {}
    for index, title in enumerate(sheet.titles):
        # Remove the pieces from the list to free their memory. Together with the columns, they exceed the table's size.
        values, codes = list(numberings.pop(0)), np.concatenate(pieces.pop(0))
        # Programs write empty columns at the end.
        if not sheet.may_be_empty(index) or any(map(str.strip, values)):
            columns[title] = Column(values, codes)
    return Table(columns, rows, sheet.delimiter, tuple(sheet.notes))
