"""Maps the columns of a table to the fields of a sample."""

import re
from collections.abc import Sequence

SAMPLE_FIELDS = {
    "study": "study",
    "subject": "subject",
    "organism": "organism",
    "taxonId": "taxon_id",
    "taxon_id": "taxon_id",
    "collectionDate": "collection_date",
    "collection_date": "collection_date",
}
"""The fields of a sample other than its metadata, by each name that JSON accepts for them."""
REQUEST_ID = {"requestId": "request_id", "request_id": "request_id"}
"""The field with the idempotency key of a row."""
LONGEST_TITLE = 128
"""The longest name of a metadata field, in characters."""
_MOST_TITLES = 40
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_WHOLE = re.compile(r"\+?0*(\d{1,10})(?:\.0*)?", re.ASCII)
_LARGEST_INT32 = 2**31 - 1
_LONGEST_VALUES = {"subject": 256, "organism": 200, "collection_date": 40}


def list_titles(titles: Sequence[str]) -> str:
    """Return the titles of a header for an error message, at most 40 of them."""
    more = f" and {len(titles) - _MOST_TITLES} more" if len(titles) > _MOST_TITLES else ""
    return ", ".join(map(repr, titles[:_MOST_TITLES])) + more


def read_whole_number(text: str) -> int | None:
    """Return a whole number from 0 to 2147483647, None if the text is not one. "562.0" is 562: programs write that."""
    match = _WHOLE.fullmatch(text.strip())
    number = int(match[1]) if match else None
    return number if number is not None and number <= _LARGEST_INT32 else None


def untitled(index: int, titles: Sequence[str]) -> str:
    """Return the name of a column whose title cannot be used."""
    name = f"column {index + 1}"
    return name if name not in titles else f"{name} of the file"


class TitlesUnusable(Exception):
    """The header cannot be used. `wrong` lists why, without titles: the header may be a row of data by mistake."""

    def __init__(self, wrong: Sequence[str]) -> None:
        self.wrong = tuple(f"header: {why}" for why in wrong)
        super().__init__("; ".join(self.wrong))


class RowRagged(Exception):
    """The row has more or fewer cells than the header."""


class Columns:
    """The columns of a table: the sample's own fields, and metadata, which is every other column.

    A column whose title cannot be the name of a field has its number as its name: "column 3". The title may be empty,
    too long, or the same as an earlier one.
    """

    def __init__(self, titles: Sequence[str]) -> None:
        """Read a header. Raises TitlesUnusable."""
        titles = [title.strip() for title in titles]
        if not any(titles):
            raise TitlesUnusable(["names no column"])
        self.width = len(titles)
        """Number of columns, including those at the end that have no title."""
        self.titled_width = max(number for number, title in enumerate(titles, start=1) if title)
        """Number of the last column with a title."""
        self.metadata: list[tuple[int, str]] = []
        """Index and name of each metadata column."""
        self.named: list[tuple[int, str]] = []
        """Index and field (in snake_case) of each other column."""
        self.titles = titles
        self.untitled: set[str] = set()
        """The names of the columns without a title. Programs write such columns without any value."""
        self._first: dict[int, int] = {}
        """For a column with the same title as an earlier one: the index of that column."""
        seen: dict[str, int] = {}
        for index, title in enumerate(titles):
            # Templates of NCBI mark required columns with an asterisk.
            plain = title.lstrip("* ")
            field = SAMPLE_FIELDS.get(plain) or REQUEST_ID.get(plain)
            first = seen.setdefault(field or f" {title}", index)
            if title and first != index:
                self._first[index] = first
            if field and first == index:
                self.named.append((index, field))
            elif title and first == index and len(title) <= LONGEST_TITLE and title.isprintable():
                self.metadata.append((index, title))
            else:
                name = untitled(index, titles)
                self.metadata.append((index, name))
                if not title:
                    self.untitled.add(name)

    def names(self) -> list[str]:
        """Return the names of the metadata columns, without untitled ones that probably have no value.

        An untitled first column has values: programs write the numbers of the rows there.
        """
        return [name for index, name in self.metadata if index == 0 or name not in self.untitled]

    def read(self, cells: Sequence[str]) -> tuple[dict[str, str], dict[str, str]]:
        """Return the sample's own fields and the metadata of a row, without blank cells. Raises RowRagged.

        A value that the sample's own field cannot have becomes metadata under the column's title. A repeated title
        counts only if its value differs, and fills in for a blank cell of the first.
        """
        if not self.titled_width <= len(cells) or any(not _is_blank(cell) for cell in cells[self.width :]):
            raise RowRagged
        count = len(cells)
        metadata = {
            name: cells[index] for index, name in self.metadata if index < count and not _is_blank(cells[index])
        }
        named: dict[str, str] = {}
        for index, field in self.named:
            if not _is_blank(cell := cells[index]):
                if _fits(field, cell):
                    named[field] = cell.strip() if field == "study" else cell
                else:
                    metadata[self.titles[index]] = cell
        for index, first in self._first.items():
            if index < count and (cells[index] == cells[first] or _is_blank(cells[first])):
                value = metadata.pop(untitled(index, self.titles), None)
                if value is not None and _is_blank(cells[first]):
                    metadata.setdefault(self.titles[first], value)
        return named, metadata


def _fits(field: str, value: str) -> bool:
    """Return whether a sample's own field can have a value."""
    if field == "study":
        return _UUID.fullmatch(value.strip()) is not None
    if field == "taxon_id":
        return read_whole_number(value) is not None
    return len(value) <= _LONGEST_VALUES.get(field, len(value))


def _is_blank(cell: str) -> bool:
    return not cell or cell.isspace()
