"""A table is read exactly, or refused with the line and column to correct."""

import csv
import gzip
import os
import threading
from pathlib import Path

import pytest

from fairdatabase.anonymity.model.table import table_of
from fairdatabase.anonymity.tables.reading import read_table
from fairdatabase.anonymity.tables.writing import write_table
from fairdatabase.sheets.errors import BadTable


def packed(content: bytes) -> bytes:
    """Return content packed with gzip, always as the same bytes: they name tests, in every process alike."""
    return gzip.compress(content, mtime=0)


def read(folder: Path, content: bytes | str, name: str = "t.csv") -> dict[str, list[str]]:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return {title: column.texts() for title, column in read_table(path).columns.items()}


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("separator", [",", "\t"])
@pytest.mark.parametrize("last", [True, False])
def test_delimiter_line_ends_and_bom_make_no_difference(
    tmp_path: Path, mark: bytes, end: str, separator: str, last: bool
) -> None:
    lines = ["näme|age", "Ann|30", '"Bo, the\tsecond"|', '"say ""hi"""|31']
    text = end.join(line.replace("|", separator) for line in lines) + (end if last else "")
    assert read(tmp_path, mark + text.encode()) == {
        "näme": ["Ann", "Bo, the\tsecond", 'say "hi"'],
        "age": ["30", "", "31"],
    }


def test_quoted_cell_may_contain_line_breaks(tmp_path: Path) -> None:
    assert read(tmp_path, 'a,b\n"1\n2",x\n') == {"a": ["1\n2"], "b": ["x"]}


@pytest.mark.parametrize("separator", [",", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_title_may_contain_line_breaks(tmp_path: Path, separator: str, end: str) -> None:
    titles = ['"a\n, ""b"""', "c d"]
    assert read(tmp_path, separator.join(titles) + end + f"1{separator}2" + end) == {'a\n, "b"': ["1"], "c d": ["2"]}
    assert read(tmp_path, separator.join(titles[::-1]) + end + f"1{separator}2") == {"c d": ["1"], 'a\n, "b"': ["2"]}
    # A quote inside a title opens no quoted cell.
    assert read(tmp_path, f'5" pipe{separator}b{end}1{separator}2{end}') == {'5" pipe': ["1"], "b": ["2"]}


def test_empty_lines_at_the_end_are_ignored(tmp_path: Path) -> None:
    assert read(tmp_path, "a,b\n1,2\n\n\n") == {"a": ["1"], "b": ["2"]}
    assert read(tmp_path, "a\n1\n\n") == {"a": ["1"]}


def test_row_of_missing_values_counts(tmp_path: Path) -> None:
    assert read(tmp_path, "a,b\n,\n1,\n") == {"a": ["", "1"], "b": ["", ""]}
    assert read(tmp_path, 'a\n""\n1\n') == {"a": ["", "1"]}


def test_one_column_may_have_an_empty_title(tmp_path: Path) -> None:
    # R writes row names this way.
    assert read(tmp_path, ",a\n1,x\n") == {"": ["1"], "a": ["x"]}


@pytest.mark.parametrize(
    ("content", "line", "column", "why"),
    [
        (b"", 1, 1, "empty"),
        (b"\xef\xbb\xbf", 1, 1, "names no column"),
        (b"\n\n", 1, 1, "names no column"),
        (b"a,b\n", 2, 1, "no row"),
        (b"a,b\n\n\n", 2, 1, "no row"),
        (b'"a\nb"\tc\n1\t2\n3\n', 4, 2, "1 cell, but the header has 2"),
        (b"a,b\r1,2\r3,\0\r", 3, 2, "NUL"),
        (b'a,b\n"' + b"x" * 200_000 + b"\0", 2, 1, "NUL"),
        (b"a,b\n1,2\n3\n", 3, 2, "1 cell, but the header has 2"),
        (b"a,b\n1,2\n3,4,5\n", 3, 3, "3 cells, but the header has 2"),
        (b'a,b\n"1\n2",2\n3\n', 4, 2, "1 cell"),
        (b"a,b\n1,2\n\n3,4\n", 3, 1, "the line is empty"),
        (b"a\n1\n\n3\n", 3, 1, 'the line is empty: in a table of one column, write a missing value as ""'),
        (b"a,b\n1,2\n3,x\0y\n", 3, 2, "NUL"),
        (b"\xef\xbb\xbfa,b\n1,2\n3,caf\xe9\n", 3, 2, "not UTF-8"),
        (b"a\xc3\xbc\xc3\xbc,b\n1,2\n\xff,2\n", 3, 1, "not UTF-8"),
        (b'a,b\n1,"2\n3,4\n', 2, 2, "not closed"),
        (b'a,b\n1,2\n"3"x,4\n', 3, 1, "text follows the closing quote"),
        (b'a,b\n1,"2"x\n', 2, 2, "text follows"),
        (b'a,b\n1,"' + b"x" * 1_100_000 + b'"\n', 2, 2, "more than 1048576 characters"),
    ],
)
def test_fault_is_reported_with_its_place(tmp_path: Path, content: bytes, line: int, column: int, why: str) -> None:
    with pytest.raises(BadTable, match=why) as caught:
        read(tmp_path, content)
    assert (caught.value.line, caught.value.column) == (line, column)


def test_fault_far_down_is_reported_with_its_place(tmp_path: Path) -> None:
    with pytest.raises(BadTable) as caught:
        read(tmp_path, "a,b\n" + "1,2\n" * 100_000 + "3\n" + "1,2\n" * 10)
    assert (caught.value.line, caught.value.column) == (100_002, 2)


def test_pipe_is_read_like_a_file(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_text, args=("a,b\n1,2\n",))
    writer.start()
    assert list(read_table(pipe).columns) == ["a", "b"]
    writer.join()


@pytest.mark.parametrize("name", ["out.csv", "out.tsv", "out"])
def test_written_table_reads_the_same(tmp_path: Path, name: str) -> None:
    columns = {"a,b": ["1", "", 'say "hi"'], "c d": ["x\ny\tz", "ü", " z "]}
    path = tmp_path / name
    write_table(table_of(columns), path)
    assert {title: column.texts() for title, column in read_table(path).columns.items()} == columns
    assert os.listdir(tmp_path) == [name]


def test_missing_value_in_a_single_column_is_written_quoted(tmp_path: Path) -> None:
    write_table(table_of({"a": ["1", ""]}), tmp_path / "t.csv")
    with (tmp_path / "t.csv").open(newline="") as lines:
        assert list(csv.reader(lines)) == [["a"], ["1"], [""]]


PLAIN = "tube,Größe\nt1,12 °C\nt2,\n"


@pytest.mark.parametrize(
    "content",
    [
        PLAIN.encode("utf-16"),
        PLAIN.encode("utf-16-le"),
        PLAIN.encode("utf-16-be"),
        PLAIN.encode("cp1252"),
        PLAIN.replace("\n", "\r").encode(),
        PLAIN.replace("\n", "\r").encode("cp1252"),
        PLAIN.replace(",", ";").encode(),
        PLAIN.replace(",", "|").encode(),
        ("sep=;\n" + PLAIN.replace(",", ";")).encode(),
        packed(PLAIN.encode()),
        packed(PLAIN[:9].encode("cp1252")) + packed(PLAIN[9:].encode("cp1252")),
        ("# of 2024\n" + PLAIN.replace("tube", "#tube").replace("t2", "#units,cm\nt2")).encode(),
        PLAIN.replace("\n", ",,\n").encode(),
        PLAIN.replace("t1,12 °C", "t1,12 °C,, ").encode(),
    ],
)
def test_forms_in_which_programs_save_tables_are_read(tmp_path: Path, content: bytes) -> None:
    found = read(tmp_path, content)
    assert list(found.values()) == [["t1", "t2"], ["12 °C", ""]]
    assert [title.lstrip("#") for title in found] == ["tube", "Größe"]


def test_columns_without_title_are_kept_if_they_have_a_value(tmp_path: Path) -> None:
    assert read(tmp_path, "a,,b,,\n1,x,2,,\n3,,4,,\n") == {"a": ["1", "3"], "column 2": ["x", ""], "b": ["2", "4"]}


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "old Excel file"),
        (b"PK\x03\x04rest", "Excel file is damaged"),
        (b"PK\x03\x04" + b"\0" * 26 + b"mimetypeapplication/vnd.oasis.opendocument.spreadsheet", "damaged"),
        (b"%PDF-1.7\n", "PDF"),
        (b"<html><table>", "HTML"),
        (b"\xfd7zXZ\0", "xz: unpack it"),
        (packed(b"a,b\n1,2\n" * 99)[:-9], "cut off"),
        (packed(b"a,b\n1,2\n")[:10] + b"\xff" * 30, "damaged"),
        ("a,b\nПривет,2\n".encode("cp1251"), "neither UTF-8 nor Windows-1252"),
        ("a,b\n漢字,2\n".encode("shift_jis"), "neither UTF-8 nor Windows-1252"),
    ],
)
def test_other_files_are_refused_with_advice(tmp_path: Path, content: bytes, why: str) -> None:
    with pytest.raises(BadTable, match=why):
        read(tmp_path, content)


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ("a,b,a\n1,2,1\n3,4,3\n", {"a": ["1", "3"], "b": ["2", "4"]}),
        ("a,b,a \n1,2,\n,4,3\n", {"a": ["1", "3"], "b": ["2", "4"]}),
        ("a,b,a\n1,2,9\n3,4,3\n", {"a": ["1", "3"], "b": ["2", "4"], "column 3": ["9", ""]}),
        ("a,a,a\n,,1\n3,3,4\n", {"a": ["1", "3"], "column 3": ["", "4"]}),
        ("a,column 2,a,a\n1,x,2,3\n", {"a": ["1"], "column 2": ["x"], "column 3": ["2"], "column 4": ["3"]}),
        ("a,column 2 of,a,column 3\n1,x,2,3\n",
         {"a": ["1"], "column 2 of": ["x"], "column 3 of the file": ["2"], "column 3": ["3"]}),
    ],
)  # fmt: skip
def test_columns_with_one_title_are_merged_as_in_an_import(
    tmp_path: Path, content: str, found: dict[str, list[str]]
) -> None:
    assert read(tmp_path, content) == found
