"""Makes Excel files, and reads them in both ways."""

import io
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import openpyxl
from openpyxl.workbook.workbook import Workbook

from fairdatabase.sheets.records import TableRecords
from fairdatabase.sheets.table import Sheet

HEADER = ["tube", "depth", "day"]


def local(*parts: int) -> datetime:
    """Return a time without a zone, as Excel stores times."""
    return datetime(*parts, tzinfo=UTC).replace(tzinfo=None)  # type: ignore[arg-type, misc]


def packed(fill: Callable[[Any], object], *, book: Workbook | None = None) -> bytes:
    """Return an Excel file whose first sheet a function fills."""
    book = book or openpyxl.Workbook()
    fill(book.active)
    written = io.BytesIO()
    book.save(written)
    return written.getvalue()


def of_rows(*rows: list[Any]) -> bytes:
    return packed(lambda sheet: [sheet.append(row) for row in rows])


def changed(content: bytes, part: str, change: Callable[[bytes], bytes], *, level: int = 6) -> bytes:
    """Return a package in which one part is changed, or added."""
    written = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            data = old.read(name)
            new.writestr(name, change(data) if name == part else data, compresslevel=level)
        if part not in old.namelist():
            new.writestr(part, change(b""))
    return written.getvalue()


def cells(content: bytes, worksheet: str = "") -> list[list[str]]:
    """Return the header and the rows, as both readers read them."""
    sheet = Sheet(io.BytesIO(content), worksheet)
    rows = [sheet.titles, *(row for chunk in sheet.chunks() for row in chunk)]
    records = TableRecords("\t", worksheet=worksheet)
    streamed = [*records.feed(content), *records.end()]
    assert [record.fault for record in streamed] == [None] * len(streamed)
    assert [record.cells for record in streamed][1:] == rows[1:]
    return rows


def notes(content: bytes) -> list[str]:
    sheet = Sheet(io.BytesIO(content))
    list(sheet.chunks())
    return sheet.notes


PLAIN = of_rows(HEADER, ["t1", 5, "x"])
SHEET = "xl/worksheets/sheet1.xml"
DOCTYPE = b'<?xml version="1.0"?><!DOCTYPE w [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>'
