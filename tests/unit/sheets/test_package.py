"""Every part of an Excel file is checked before a library reads it, whatever its name and its first bytes are."""

import io
import re
import zipfile
from collections.abc import Callable

import pytest

from fairdatabase.sheets import package, workbook
from fairdatabase.sheets.errors import BadTable
from tests.unit.sheets.workbooks import DOCTYPE, HEADER, PLAIN, SHEET, cells, changed, of_rows

MOVED = "xl/worksheets/cells.dat"
BLANKS = b" \r\n\t" * 20_000


def moved(change: Callable[[bytes], bytes], to: str = MOVED) -> bytes:
    """Return an Excel file whose sheet is stored under another name, which only a reference tells."""
    sheet = zipfile.ZipFile(io.BytesIO(PLAIN)).read(SHEET)
    content = changed(PLAIN, to, lambda _: change(sheet))
    referring = changed(
        content, "xl/_rels/workbook.xml.rels", lambda xml: xml.replace(f"/{SHEET}".encode(), f"/{to}".encode())
    )
    return changed(referring, "[Content_Types].xml", lambda xml: xml.replace(f"/{SHEET}".encode(), f"/{to}".encode()))


ENTITY = DOCTYPE.removeprefix(b'<?xml version="1.0"?>')


@pytest.mark.parametrize("name", [MOVED, "cells", "xl/media/image7.png", "xl/Worksheets/Sheet1.XML", "xl/a.jpeg"])
@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda xml: BLANKS + ENTITY + xml, "defines its own XML entities"),
        (lambda xml: b"\xef\xbb\xbf" + BLANKS + ENTITY + xml, "defines its own XML entities"),
        (lambda xml: b"<!-- " + b"x" * 70_000 + b" -->" + ENTITY + xml, "defines its own XML entities"),
        (lambda xml: b"<?keep " + b"x" * 70_000 + b"?>" + ENTITY + xml, "defines its own XML entities"),
        (lambda xml: (ENTITY + xml).decode().encode("utf-16"), "defines its own XML entities"),
        (lambda xml: (ENTITY + xml).decode().encode("utf-16-be"), "defines its own XML entities"),
        (lambda xml: (" " * 70_000 + xml.decode()).encode("utf-16"), "not encoded as UTF-8"),
        (lambda xml: xml.decode().encode("utf-16-le"), "not encoded as UTF-8"),
        (lambda xml: b'<?xml version="1.0" encoding="cp037"?>' + xml, "not encoded as UTF-8"),
        (lambda xml: BLANKS + xml.replace(b"<v>5</v>", b"<v>5</v>" + b"<z/>" * 4000), "too large"),
        (lambda xml: BLANKS + xml.replace(b'r="B2"', b'r="ZZZZZZZ2"'), "damaged or cut off"),
    ],
)
def test_name_and_start_of_a_part_do_not_spare_it_the_check(
    monkeypatch: pytest.MonkeyPatch, name: str, change: Callable[[bytes], bytes], why: str
) -> None:
    monkeypatch.setattr(package, "_MOST_ELEMENTS", 3000)
    with pytest.raises(BadTable, match=why):
        cells(moved(change, name))


def test_sheet_under_any_name_is_read() -> None:
    for name in (MOVED, "xl/worksheets/SHEET1.xml"):
        assert cells(moved(lambda xml: xml, name)) == [HEADER, ["t1", "5", "x"]]
    assert cells(moved(lambda xml: BLANKS + xml)) == [HEADER, ["t1", "5", "x"]]


@pytest.mark.parametrize(
    "picture",
    [
        b"",
        b" ",
        b"\x89PNG\r\n\x1a\n" + b"\0" * 90_000,
        b"\xff\xd8\xff\xe0\0\x10JFIF",
        b"GIF89a<x>",
        b"\0\0\1\0\1\0",
        b"\x01\0\0\0\x6c\0\0\0",
        "\\\\printer\\of the lab".encode("utf-16-le"),
    ],
)
def test_pictures_and_settings_of_printers_do_not_matter(picture: bytes) -> None:
    for name in ("xl/media/image1.png", "xl/printerSettings/printerSettings1.bin"):
        assert cells(changed(PLAIN, name, lambda _: picture)) == [HEADER, ["t1", "5", "x"]]


def test_pictures_count_for_the_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(package, "MOST_UNPACKED", 2_000_000)
    with pytest.raises(BadTable, match="too large"):
        cells(changed(PLAIN, "xl/media/image1.bmp", lambda _: b"BM" + b"\0" * 2_000_000))


def test_long_rows_and_texts_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(package, "_MOST_AT_A_TIME", 200_000)
    long = b"y" * 200_000
    for change in (
        lambda xml: xml.replace(b"<v>5</v>", b"<v>5</v><is><t>" + long + b"</t></is>"),
        lambda xml: xml.replace(b"</sheetData>", b"</sheetData><note>" + long + b"</note>"),
        lambda xml: xml + b"<!-- " + long + b" -->",
    ):
        with pytest.raises(BadTable, match="too large"):
            cells(moved(change))
    many = of_rows(HEADER, *([f"t{row}", "x" * 50_000, ""] for row in range(9)))
    assert len(cells(many)) == 10


def referring(strings: bytes, rows: str) -> bytes:
    """Return an Excel file whose cells refer to shared strings, as Excel writes them. `rows`: a digit for each cell."""
    part = b'<sst xmlns="' + package._MAIN.encode() + b'">' + strings + b"</sst>"
    content = changed(PLAIN, "xl/strings.dat", lambda _: part)
    named = changed(
        content,
        "[Content_Types].xml",
        lambda xml: xml.replace(
            b"</Types>",
            b'<Override PartName="/xl/strings.dat" ContentType="application/vnd.openxmlformats-officedocument.'
            b'spreadsheetml.sharedStrings+xml"/></Types>',
        ),
    )
    data = "".join(
        "<row>" + "".join(f'<c t="s"><v>{digit}</v></c>' for digit in row) + "</row>" for row in rows.split()
    )
    return changed(
        named,
        SHEET,
        lambda xml: re.sub(b"<sheetData>.*</sheetData>", b"<sheetData>" + data.encode() + b"</sheetData>", xml),
    )


def test_shared_strings_are_read() -> None:
    strings = b"<si><t>tube</t></si><si><r><t>de</t></r><r><t>pth</t></r></si><si><t>9 m</t></si>"
    assert cells(referring(strings, "01 22 12")) == [["tube", "depth"], ["9 m", "9 m"], ["depth", "9 m"]]


def test_text_that_many_cells_refer_to_counts_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbook, "_MOST_TEXT", 1_000_000)
    strings = b"<si><t>tube</t></si><si><t>" + b"z" * 30_000 + b"</t></si>"
    assert len(cells(referring(strings, "0 " + "1 " * 30))) == 31
    for rows in ("0 " + "1 " * 40, "0 " + "1" * 40):
        with pytest.raises(BadTable, match="too large"):
            cells(referring(strings, rows))


@pytest.mark.parametrize(
    ("strings", "why"),
    [
        (b"<si><t>tube</t></si>" + BLANKS + b"<!DOCTYPE x>", "damaged or cut off"),
        (b"<si><t>" + b"z" * 200_000 + b"</t></si>", "too large"),
        (b"<si>" + b"<r/>" * 4_000 + b"</si>", "too large"),
        (b"<si/>" * 1_001, "too large"),
    ],
)
def test_shared_strings_are_checked(monkeypatch: pytest.MonkeyPatch, strings: bytes, why: str) -> None:
    monkeypatch.setattr(package, "_MOST_ELEMENTS", 3000)
    monkeypatch.setattr(package, "_MOST_AT_A_TIME", 150_000)
    monkeypatch.setattr(package, "_MOST_TEXTS", 1_000)
    with pytest.raises(BadTable, match=why):
        cells(referring(strings, "0 0"))


def test_size_is_limited_as_declared_and_as_read(monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = changed(PLAIN, SHEET, lambda xml: xml.replace(b"<v>5</v>", b"<v>5</v>" + b" " * 3_000_000), level=9)
    monkeypatch.setattr(package, "MOST_UNPACKED", 2_000_000)
    with pytest.raises(BadTable, match="too large"):
        cells(bomb)
    monkeypatch.setattr(package, "_check_directory", lambda parts: None)
    with pytest.raises(BadTable, match="too large"):
        cells(bomb)
