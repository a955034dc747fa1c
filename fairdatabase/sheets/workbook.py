"""Reads a sheet of an Excel file (.xlsx) as the lines of a CSV file, so that one reader serves all tables."""

import csv
import io
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from fairdatabase.sheets.errors import BadTable
from fairdatabase.sheets.header import is_comment_cell
from fairdatabase.sheets.number_formats import Show, shows
from fairdatabase.sheets.package import DAMAGED, MOST_UNPACKED, check_package, too_large

if TYPE_CHECKING:
    from openpyxl.workbook.workbook import Workbook
    from openpyxl.worksheet._read_only import ReadOnlyWorksheet

MOST_PACKED = 100 * 1024**2
"""The size limit of an Excel file, in bytes."""
_MOST_ROWS = 1_048_576
_MOST_CELLS = 10_000_000
_MOST_TEXT = MOST_UNPACKED
"""The limit of all text, in characters: cells can refer to one long text any number of times."""
_LARGEST_PLAIN = 1e15
_SHOWN = 20
_ERROR = re.compile(r"#(?:N/A|NULL!|DIV/0!|VALUE!|REF!|NAME\?|NUM!|SPILL!|CALC!|FIELD!|BLOCKED!|GETTING_DATA)")
_ESCAPE = re.compile(r"_x([0-9A-Fa-f]{4})_")
_BREAKS = re.compile(r"[\r\n]+")
_SECOND = timedelta(seconds=1)


class Worksheet:
    """The text of one sheet. Blank rows, and blank columns at the end, are left out.

    `notes` says what the text does not show.
    """

    def __init__(self, file: BinaryIO, name: str = "") -> None:
        """Read a sheet: the one with this name, or the only one with data. Raises BadTable."""
        without_result = check_package(file)
        file.seek(0)
        try:
            import openpyxl
        except ModuleNotFoundError:
            why = "openpyxl, which reads Excel files, is not installed: run `pip install fairdatabase[tables]`"
            raise BadTable(why) from None
        self.notes: list[str] = []
        try:
            # A warning is about formats and charts, which do not matter here.
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                book = openpyxl.load_workbook(file, read_only=True, data_only=True, keep_links=False)
                self._read(*_choose(book, name), without_result, shows(book))
                book.close()
        except (BadTable, MemoryError):
            raise
        except Exception:
            # The library has no error of its own for a file that breaks the format.
            raise BadTable(DAMAGED) from None

    def lines(self) -> Iterator[bytes]:
        """Yield the lines of the table."""
        for line, width in zip(self._lines, self._widths, strict=True):
            yield line + b"," * (self._width - width) + b"\r\n"

    def _read(
        self,
        sheet: "ReadOnlyWorksheet",
        others: Sequence[str],
        without_result: dict[str, int],
        shown: Mapping[int, Show],
    ) -> None:
        self._lines: list[bytes] = []
        self._widths: list[int] = []
        self._width = errors = size = 0
        has_header = False
        for cells in _texts(sheet, shown):
            size += sum(map(len, cells))
            if size > _MOST_TEXT:
                raise too_large()
            if wrong := sum(map(_is_error, cells)):
                errors += wrong
                cells[:] = ["" if _is_error(cell) else cell for cell in cells]
            while cells and (not cells[-1] or cells[-1].isspace()):
                cells.pop()
            if not cells:
                continue
            is_comment = is_comment_cell(cells[0])
            if is_comment:
                # A comment ends with its line.
                cells[:] = [_BREAKS.sub(" ", cell) for cell in cells]
            self._lines.append(_line(cells, quoted=not has_header))
            self._widths.append(len(cells))
            self._width = max(self._width, len(cells))
            has_header = has_header or not is_comment
            if self._width * len(self._lines) > _MOST_CELLS:
                raise too_large()
        if not self._lines:
            raise BadTable(f"the sheet {sheet.title!r} of the Excel file is empty")
        if count := without_result.get(sheet_part(sheet), 0):
            self.notes.append(
                f"{_cells(count)} a formula without a stored result, so {_read_as(count)}: open and save the file in "
                "Excel to store the results."
            )
        if errors:
            self.notes.append(f"{_cells(errors)} an error such as #N/A, so {_read_as(errors)}.")
        if others:
            named = ", ".join(map(repr, others[:_SHOWN])) + (" and others" if len(others) > _SHOWN else "")
            self.notes.append(f"Only the sheet {sheet.title!r} was read, not {named}.")


def _cells(count: int) -> str:
    return "1 cell has" if count == 1 else f"{count} cells have"


def _read_as(count: int) -> str:
    return "it was read as blank" if count == 1 else "they were read as blank"


def sheet_part(sheet: "ReadOnlyWorksheet") -> str:
    """Return the name of the part of the package in which a sheet is stored."""
    return cast("Any", sheet)._worksheet_path  # noqa: SLF001 - the library has no public name for it


def _choose(book: "Workbook", name: str) -> "tuple[ReadOnlyWorksheet, list[str]]":
    """Return the sheet to read, and the names of other sheets with data. Raises BadTable."""
    sheets = cast("list[ReadOnlyWorksheet]", book.worksheets)
    titles = [sheet.title for sheet in sheets]
    if name:
        wanted = name.strip().casefold()
        chosen = next((sheet for sheet in sheets if sheet.title.strip().casefold() == wanted), None)
        if chosen is None:
            raise BadTable(f"the Excel file has no sheet {name!r}; its sheets are: {_listed(titles)}")
        return chosen, [sheet.title for sheet in sheets if sheet is not chosen and _has_data(sheet)]
    full = [sheet for sheet in sheets if _has_data(sheet)]
    visible = [sheet for sheet in full if sheet.sheet_state == "visible"]
    if not full:
        raise BadTable("the Excel file has no data")
    if len(visible or full) > 1:
        listed = _listed([sheet.title for sheet in visible or full])
        raise BadTable(
            f"the Excel file has several sheets with data: {listed}. Name one with --sheet, or save it as CSV (UTF-8)"
        )
    chosen = (visible or full)[0]
    return chosen, [sheet.title for sheet in full if sheet is not chosen]


def _listed(titles: Sequence[str]) -> str:
    more = f" and {len(titles) - _SHOWN} more" if len(titles) > _SHOWN else ""
    return ", ".join(map(repr, titles[:_SHOWN])) + more


def _has_data(sheet: "ReadOnlyWorksheet") -> bool:
    return any(value is not None and str(value).strip() for row in _rows(sheet) for value in row)


def _texts(sheet: "ReadOnlyWorksheet", shown: Mapping[int, Show]) -> Iterator[list[str]]:
    """Yield the texts of each row. Raises BadTable if there are too many cells."""
    if not shown:
        # Values without their styles are read faster.
        for row in _rows(sheet):
            yield [_text(value) for value in row]
        return
    for row in _rows(sheet, values_only=False):
        yield [_shown(cell, shown) for cell in cast("Any", row)]


def _shown(cell: Any, shown: Mapping[int, Show]) -> str:
    """Return a cell as text, a number as its format shows it."""
    value = cell.value
    text = _text(value)
    if (type(value) is int or type(value) is float) and (show := shown.get(cell._style_id)):  # noqa: SLF001
        return show(value, text)
    return text


def _rows(sheet: "ReadOnlyWorksheet", *, values_only: bool = True) -> Iterator[Sequence[object]]:
    """Yield the values of each row, or its cells. Raises BadTable if there are too many."""
    # The stated size of a sheet may be wrong: some programs write "A1" for any size.
    sheet.reset_dimensions()
    cells = 0
    for number, row in enumerate(sheet.iter_rows(values_only=values_only), start=1):
        cells += len(row)
        if number > _MOST_ROWS or cells > _MOST_CELLS:
            raise too_large()
        yield row


def _line(cells: Sequence[str], *, quoted: bool) -> bytes:
    """Return a line of CSV. In front of the rows, all cells are quoted, so that only commas can be delimiters."""
    written = io.StringIO(newline="")
    # csv quotes a cell that contains a character of the line terminator, so the terminator must be CRLF.
    quoting = csv.QUOTE_ALL if quoted else csv.QUOTE_MINIMAL
    csv.writer(written, quoting=quoting, lineterminator="\r\n").writerow(cells)
    return written.getvalue().removesuffix("\r\n").encode(errors="replace")


def _is_error(cell: str) -> bool:
    return cell[:1] == "#" and _ERROR.fullmatch(cell) is not None


def _text(value: object) -> str:
    """Return a value as text: a number in its shortest form, a day in ISO 8601."""
    match value:
        case None:
            return ""
        case str():
            return _ESCAPE.sub(_unescaped, value) if "_x" in value else value
        case bool():
            return "true" if value else "false"
        case float():
            return _number(value)
        case datetime():
            # Excel stores a time as a fraction of a day, which is not exact.
            value = (value + _SECOND / 2).replace(microsecond=0)
            return value.date().isoformat() if value.time() == time() else value.isoformat()
        case date():
            return value.isoformat()
        case time():
            return value.isoformat("seconds")
        case timedelta():
            seconds = round(value / _SECOND)
            return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
        case _:
            return str(value)


def _number(value: float) -> str:
    """Return a number as Excel shows it: with at most 15 digits, because further digits are rounding errors."""
    if value.is_integer() and abs(value) < _LARGEST_PLAIN:
        return str(int(value))
    text = f"{value:.15g}"
    return f"{Decimal(text):f}" if "e-0" in text else text


def _unescaped(found: re.Match[str]) -> str:
    char = chr(int(found[1], 16))
    return char if char.isprintable() or char in "\t\n" else ""
