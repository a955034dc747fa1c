"""Excel files are read like the CSV file that Excel would save, and hostile ones are refused in words."""

import io
import re
import zipfile
from collections.abc import Callable
from datetime import date, time, timedelta
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from fairdatabase.anonymity.tables.reading import read_table
from fairdatabase.client.imports.rows import FileUnusable, Format, Keys, read_chunks
from fairdatabase.sheets import package, workbook
from fairdatabase.sheets.decoding import Decoder
from fairdatabase.sheets.errors import BadTable
from fairdatabase.sheets.table import Sheet
from tests.unit.sheets.workbooks import DOCTYPE, HEADER, PLAIN, SHEET, cells, changed, local, notes, of_rows, packed


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (34, "34"),
        (34.0, "34"),
        (36.6, "36.6"),
        (0.1 + 0.2, "0.3"),
        (1 / 3, "0.333333333333333"),
        (0.00001234, "0.00001234"),
        (-7.25, "-7.25"),
        (123456789012345, "123456789012345"),
        (True, "true"),
        (False, "false"),
        (date(2019, 3, 1), "2019-03-01"),
        (local(2019, 3, 1), "2019-03-01"),
        (local(2019, 3, 1, 14, 30), "2019-03-01T14:30:00"),
        (time(7, 5), "07:05:00"),
        (timedelta(hours=26, minutes=30), "26:30:00"),
        ("0042", "0042"),
        ('say "so", twice; or | not', 'say "so", twice; or | not'),
        ("two\nlines", "two\nlines"),
        ("Grüße 漢字", "Grüße 漢字"),
        ("a_x0041_b", "aAb"),
        ("#N/A", ""),
        ("#DIV/0!", ""),
    ],
)
def test_value_becomes_the_text_that_reads_the_same(value: object, text: str) -> None:
    assert cells(of_rows(["tube", "found"], ["t1", value])) == [["tube", "found"], ["t1", text]]


def test_dates_of_the_1904_system_are_days() -> None:
    def fill(sheet: Any) -> None:
        sheet.append(HEADER)
        sheet.append(["t1", 5, date(2021, 12, 24)])

    book = openpyxl.Workbook()
    book.epoch = local(1904, 1, 1)
    assert cells(packed(fill, book=book))[1] == ["t1", "5", "2021-12-24"]


def _merged(sheet: Any) -> None:
    for row in (HEADER, ["t1", 5, "x"], ["t2", 6, "y"]):
        sheet.append(row)
    sheet.merge_cells("A2:A3")


def _formatted_far_away(sheet: Any) -> None:
    for row in (HEADER, ["t1", 5, "x"]):
        sheet.append(row)
    sheet.cell(400, 30).number_format = "0.00"
    sheet.cell(400, 30).value = " "


def _with_blank_rows(sheet: Any) -> None:
    for row in ([None], HEADER, [None], ["t1", 5, "x"], [" "], [None]):
        sheet.append(row)


def _with_stray_note(sheet: Any) -> None:
    for row in (HEADER, ["t1", 5, "x"], ["t2", 6, "y", None, "ask again"]):
        sheet.append(row)


def _with_comments(sheet: Any) -> None:
    for row in (["#a note\nin two lines"], HEADER, ["#units", "m", ""], ["t1", 5, "x"]):
        sheet.append(row)


@pytest.mark.parametrize(
    ("fill", "found"),
    [
        (_merged, [HEADER, ["t1", "5", "x"], ["", "6", "y"]]),
        (_formatted_far_away, [HEADER, ["t1", "5", "x"]]),
        (_with_blank_rows, [HEADER, ["t1", "5", "x"]]),
        (
            _with_stray_note,
            [[*HEADER, "column 4", "column 5"], ["t1", "5", "x", "", ""], ["t2", "6", "y", "", "ask again"]],
        ),
        (_with_comments, [HEADER, ["t1", "5", "x"]]),
    ],
)
def test_only_cells_with_a_value_count(fill: Callable[[Any], object], found: list[list[str]]) -> None:
    assert cells(packed(fill)) == found


def test_titles_with_other_delimiters_do_not_divide_the_row() -> None:
    rows = [["a;b;c", "d|e|f", "g\th"], ["1", "2", "3"]]
    assert cells(of_rows(*rows)) == rows


def test_stated_size_of_a_sheet_is_not_believed() -> None:
    content = of_rows(HEADER, ["t1", 5, "x"], ["t2", 6, "y"])
    for stated in (b'ref="A1"', b'ref="A1:XFD1048576"'):
        lying = changed(
            content, "xl/worksheets/sheet1.xml", lambda xml, to=stated: re.sub(rb'ref="A1:C3"', to, xml, count=1)
        )
        assert len(cells(lying)) == 3


def test_result_of_a_formula_is_read_and_a_missing_one_counted() -> None:
    content = of_rows(HEADER, ["t1", "=1+1", "=A1"], ["t2", "=2+2", "#REF!"])
    stored = changed(
        content,
        "xl/worksheets/sheet1.xml",
        lambda xml: re.sub(rb'(<c r="B2"[^>]*><f>1\+1</f>)<v ?(?:/>|></v>)', rb"\1<v>2</v>", xml),
    )
    assert cells(stored)[1:] == [["t1", "2", ""], ["t2", "", ""]]
    assert [note.split(":")[0] for note in notes(stored)] == [
        "2 cells have a formula without a stored result, so they were read as blank",
        "1 cell has an error such as #N/A, so it was read as blank.",
    ]


def two_sheets(*, hidden: bool = False) -> bytes:
    book = openpyxl.Workbook()
    second: Any = book.create_sheet("Lists")
    second.append(["codes"])
    second.append(["1"])
    second.sheet_state = "hidden" if hidden else "visible"
    book.create_sheet("Blank")

    def fill(sheet: Any) -> None:
        sheet.title = "Tubes"
        sheet.append(HEADER)
        sheet.append(["t1", 5, "x"])

    return packed(fill, book=book)


def test_one_of_several_sheets_must_be_named() -> None:
    with pytest.raises(BadTable, match=r"several sheets with data: 'Tubes', 'Lists'. Name one with --sheet"):
        cells(two_sheets())
    assert cells(two_sheets(), "lists ") == [["codes"], ["1"]]
    with pytest.raises(BadTable, match="has no sheet 'Tube'; its sheets are: 'Tubes', 'Lists', 'Blank'"):
        cells(two_sheets(), "Tube")
    with pytest.raises(BadTable, match="sheet 'Blank' of the Excel file is empty"):
        cells(two_sheets(), "Blank")


def test_hidden_sheet_does_not_compete_but_is_named() -> None:
    assert cells(two_sheets(hidden=True))[1] == ["t1", "5", "x"]
    assert notes(two_sheets(hidden=True)) == ["Only the sheet 'Tubes' was read, not 'Lists'."]


@pytest.mark.parametrize("cut", [1, 3, 4, 100, 5000])
def test_file_may_arrive_in_pieces(cut: int) -> None:
    content = of_rows(HEADER, ["t1", 5, "x"])
    decoder = Decoder(worksheet="")
    text = [line for at in range(0, len(content), cut) for line in decoder.feed(content[at : at + cut])]
    assert b"".join([*text, *decoder.end()]) == b'"tube","depth","day"\r\nt1,5,x\r\n'


def test_excel_file_is_refused_where_it_is_not_asked_for() -> None:
    decoder = Decoder()
    with pytest.raises(BadTable, match="or another ZIP archive: import an Excel file with `fairdb import FILE`"):
        list(decoder.feed(of_rows(HEADER)))


def test_sheet_of_a_text_file_cannot_be_named() -> None:
    with pytest.raises(BadTable, match="this is not an Excel file"):
        Sheet(io.BytesIO(b"a,b\n1,2\n"), "Tubes")


def encrypted(content: bytes) -> bytes:
    """Return a package whose parts claim to be encrypted."""
    marked = bytearray(content)
    for header, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        start = -1
        while (start := marked.find(header, start + 1)) >= 0:
            marked[start + at] |= 1
    return bytes(marked)


def archive(*names: str) -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as made:
        for name in names:
            made.writestr(name, "<x/>")
    return written.getvalue()


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (PLAIN[:-40], "damaged or cut off"),
        (PLAIN[:300] + b"\xff" * 40 + PLAIN[340:], "damaged or cut off"),
        (b"PK\x03\x04rest", "damaged or cut off"),
        (changed(PLAIN, SHEET, lambda xml: xml[:-30]), "damaged or cut off"),
        (changed(PLAIN, SHEET, lambda xml: xml.replace(b'r="B2"', b'r="ZZZZZZZ2"')), "damaged or cut off"),
        (changed(PLAIN, SHEET, lambda xml: xml.replace(b'r="2"', b'r="99999999"')), "too large"),
        (changed(PLAIN, SHEET, lambda xml: xml.replace(b"<v>5</v>", b"<v>five</v>")), "damaged or cut off"),
        (changed(PLAIN, SHEET, lambda xml: DOCTYPE + xml), "defines its own XML entities"),
        (changed(PLAIN, "xl/sharedStrings.xml", lambda xml: DOCTYPE + xml), "defines its own XML entities"),
        (changed(PLAIN, "xl/media/image1.png", lambda _: DOCTYPE + b"<x/>"), "defines its own XML entities"),
        (changed(PLAIN, SHEET, lambda xml: xml.decode().encode("utf-16")), "not encoded as UTF-8"),
        (changed(PLAIN, SHEET, lambda xml: b'<?xml version="1.0" encoding="cp037"?>' + xml), "not encoded as UTF-8"),
        (
            changed(PLAIN, SHEET, lambda xml: xml.replace(package._MAIN.encode(), package._STRICT.encode() + b"x")),
            "Strict",
        ),
        (changed(PLAIN, "xl/vbaProject.bin", lambda _: b"macros"), "contains macros"),
        (changed(PLAIN, "xl/externalLinks/externalLink1.xml", lambda _: b"<x/>"), "takes values from other files"),
        (encrypted(PLAIN), "encrypted"),
        (archive("tubes.xlsx"), "ZIP archive: unpack it"),
        (archive("content.xml", "mimetype"), "OpenDocument"),
        (archive("Index/Document.iwa"), "Numbers"),
        (archive("[Content_Types].xml", "xl/workbook.bin"), "xlsb"),
        (archive("[Content_Types].xml", "word/document.xml"), "text document"),
        (archive("[Content_Types].xml"), "damaged or cut off"),
        (packed(lambda sheet: None), "no data"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "with a password"),
    ],
)
def test_what_cannot_be_read_is_refused_in_words(content: bytes, why: str) -> None:
    with pytest.raises(BadTable, match=why):
        cells(content)
    with pytest.raises(FileUnusable, match=why):
        list(read_chunks(io.BytesIO(content), Format.CSV, Keys("", "")))


@pytest.mark.parametrize(
    ("module", "limit", "most"),
    [
        (package, "_MOST_ELEMENTS", 40),
        (package, "_MOST_PARTS", 3),
        (package, "_MOST_AT_A_TIME", 300),
        (workbook, "_MOST_TEXT", 60),
        (workbook, "_MOST_CELLS", 20),
        (workbook, "_MOST_ROWS", 5),
    ],
)
def test_parts_elements_rows_and_cells_are_limited(
    monkeypatch: pytest.MonkeyPatch, module: Any, limit: str, most: int
) -> None:
    content = of_rows(HEADER, *(["t1", 5, "x"] for _ in range(9)), [str(number) for number in range(50)])
    monkeypatch.setattr(module, limit, most)
    with pytest.raises(BadTable, match=r"too large|damaged"):
        cells(content)


def test_file_of_more_than_the_limit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fairdatabase.sheets.decoding.MOST_PACKED", 4000)
    with pytest.raises(BadTable, match="larger than 100 MB"):
        cells(PLAIN)


def test_table_and_import_read_the_same(tmp_path: Path) -> None:
    content = of_rows(["organism", "age"], ["E. coli", 34], ["E. coli", "#N/A"])
    (tmp_path / "t.xlsx").write_bytes(content)
    table = read_table(tmp_path / "t.xlsx")
    assert {title: column.texts() for title, column in table.columns.items()} == {
        "organism": ["E. coli", "E. coli"],
        "age": ["34", ""],
    }
    (chunk,) = read_chunks(io.BytesIO(content), Format.TSV, Keys("", ""))
    assert [row.to_correct.split(b",")[1:] for row in chunk.rows] == [[b"E. coli", b"34"], [b"E. coli", b""]]
    assert list(table.notes) == chunk.notes == ["1 cell has an error such as #N/A, so it was read as blank."]
