"""Import files: the same rows wherever the bytes are split, and bad rows that affect no others."""

import gzip
import json
import random
from collections.abc import AsyncIterator
from typing import Any

import pytest
from google.api.httpbody_pb2 import HttpBody
from google.protobuf.json_format import MessageToDict
from grpc import StatusCode

from chassis.errors import AppError, InvalidRequest
from fairdatabase.sheets import decoding, records
from fairdatabase.sheets.columns import SAMPLE_FIELDS
from fairdatabase.sheets.records import Fault
from fairdb.samples.v1 import import_service_pb2 as pb
from fairdb.samples.v1.sample_pb2 import RawSample
from gateway.imports import rows, servicer
from gateway.imports.errors import MediaTypeUnsupported, RowFieldUnknown, RowNotJson, RowUnreadable
from gateway.imports.files import open_reader
from tests.waiting import counting_turns

NDJSON, CSV, TSV = "application/x-ndjson", "text/csv", "text/tab-separated-values"


def packed(content: bytes) -> bytes:
    """Return content packed with gzip, always as the same bytes: they name tests, in every process alike."""
    return gzip.compress(content, mtime=0)


def read(content_type: str, content: bytes, cuts: int | None = None) -> list[Any]:
    """Return the outcome of each row of a file; the file arrives split at `cuts` random places."""
    dice = random.Random(cuts)
    places = sorted(dice.randint(0, len(content)) for _ in range(cuts or 0))
    reader = open_reader(content_type)
    items = []
    for start, end in zip([0, *places], [*places, len(content)], strict=True):
        items += reader.feed(content[start:end])
    items += reader.end()
    return [outcome(item) for item in items if not isinstance(item, rows.Titles | rows.Comments)]


def outcome(item: rows.Row | AppError) -> Any:
    """Return a row as JSON. For a rejected row, return its fault or, if it has none, the type of its error."""
    if isinstance(item, RowUnreadable):
        return item.fault
    return type(item) if isinstance(item, AppError) else MessageToDict(item.sample)


TABLE = (
    b"\xef\xbb\xbforganism,taxonId,subject,collection_date,study,age,note\r\n"
    b'E. coli,562,donor 1,2019-06-01,,34,"two\nlines, and a ""quote"""\r\n'
    b"E. coli,,,,,,\r\n"
    b"\r\n"
    b"ragged,1\r\n"
    b'E. coli,,,,,5" pipe,plain\r\n'
    b"E. coli,many,,,,,\r\n"
    b",,,,,,\r\n"
    b"\xff\xfe,,,,,,\r\n" + "Übermut,,,,,ä,".encode()
)
ROWS = [
    {
        "organism": "E. coli",
        "taxonId": 562,
        "subject": "donor 1",
        "collectionDate": "2019-06-01",
        "metadata": {"age": "34", "note": 'two\nlines, and a "quote"'},
    },
    {"organism": "E. coli"},
    Fault.RAGGED,
    {"organism": "E. coli", "metadata": {"age": '5" pipe', "note": "plain"}},
    {"organism": "E. coli", "metadata": {"taxonId": "many"}},
    {},
    Fault.NOT_TEXT,
    {"organism": "Übermut", "metadata": {"age": "ä"}},
]


@pytest.mark.parametrize("cuts", [None, *range(1, 200)])
def test_rows_do_not_depend_on_where_the_file_is_split(cuts: int | None) -> None:
    assert read(CSV, TABLE, cuts) == ROWS


TUBES = "tube,Fundort\nt1,Köln\n"
OF_TUBES = [{"metadata": {"tube": "t1", "Fundort": "Köln"}}]


@pytest.mark.parametrize("cuts", [None, 3, 40])
@pytest.mark.parametrize("content_type", [CSV, TSV, "text/csv; charset=utf-16", "text/csv; charset=iso-8859-1"])
@pytest.mark.parametrize(
    "content",
    [
        TUBES.encode("utf-16"),
        TUBES.encode("utf-16-be"),
        TUBES.encode("cp1252"),
        TUBES.replace("\n", "\r").encode(),
        TUBES.replace(",", ";").encode("utf-8-sig"),
        TUBES.replace(",", "\t").encode("utf-16-le"),
        ("sep=|\r\n" + TUBES.replace(",", "|").replace("\n", "\r\n")).encode("cp1252"),
        packed(TUBES.encode("utf-16")),
        packed(TUBES[:12].encode()) + packed(TUBES[12:].encode()),
    ],
)
def test_forms_in_which_programs_save_tables_are_read(content: bytes, content_type: str, cuts: int | None) -> None:
    assert read(content_type, content, cuts) == OF_TUBES


def test_other_charsets_are_read_by_their_name() -> None:
    assert read("text/csv; charset=windows-1251", "tube\nПроба\n".encode("cp1251")) == [{"metadata": {"tube": "Проба"}}]


@pytest.mark.parametrize("content_type", [CSV, TSV, NDJSON])
@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"PK\x03\x04" + b"\0" * 60, "is an Excel file (.xlsx) or another ZIP archive"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "old Excel file"),
        (packed(b"tube\nt1\n" * 50)[:-9], "cut off"),
        ("tube\nПроба\n".encode("cp1251"), "neither UTF-8 nor Windows-1252: save the file as UTF-8"),
        (b"<!DOCTYPE html><html>", "HTML"),
    ],
)
def test_other_files_are_refused_once_and_with_advice(content: bytes, content_type: str, why: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        read(content_type, content)
    ((field, description),) = refused.value.violations
    assert field == "file"
    assert why in description


def test_packed_file_may_expand_only_to_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoding, "MOST_BYTES", 500_000)
    content = packed(b"tube\n" + b"t1\n" * 400_000)
    with pytest.raises(InvalidRequest) as refused:
        read(CSV, content)
    assert "larger than 1 GB" in refused.value.violations[0].description


@pytest.mark.parametrize("cuts", [None, 20])
@pytest.mark.parametrize(
    "content",
    [
        b"#SampleID\tfarm\n#q2:types\tcategorical\nt1\t#7\n",
        b"#SampleID\tfarm\n# made by us\t\nt1\t#7\n",
        b"# a template, with a comma\n#and more\n#SampleID\tfarm\n#units\tcm\nt1\t#7\n# the end",
        b'"#SampleID"\t"farm"\n"#q2:types"\t"x"\nt1\t#7\n',
        b'#SampleID\tfarm\n#he said "no\t"never"\nt1\t"#7"\n#t2\t#8\n',
    ],
)
def test_comments_are_no_rows(content: bytes, cuts: int | None) -> None:
    assert read(TSV, content, cuts) == [{"metadata": {"#SampleID": "t1", "farm": "#7"}}]


def test_comments_before_another_header_are_no_rows_either() -> None:
    content = b"# exported, by us\n#\nsample,farm\n#units,cm\nt1,x\n"
    assert read(CSV, content) == [{"metadata": {"sample": "t1", "farm": "x"}}]
    reader = open_reader(CSV)
    assert [*reader.feed(content), *reader.end()][-1] == rows.Comments(3)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"a,b,,\n1,2,,\n3,4\n5,6,,,,\n", [{"a": "1", "b": "2"}, {"a": "3", "b": "4"}, {"a": "5", "b": "6"}]),
        (b"a,,b,\n1,x,2,y\n", [{"a": "1", "column 2": "x", "b": "2", "column 4": "y"}]),
        (b",a\n1,2\n", [{"column 1": "1", "a": "2"}]),
        (
            b"a,b,a\n1,2,1\n1,2,3\n,2,4\n",
            [{"a": "1", "b": "2"}, {"a": "1", "b": "2", "column 3": "3"}, {"a": "4", "b": "2"}],
        ),
        (b"a," + b"q" * 129 + b"\n1,2\n", [{"a": "1", "column 2": "2"}]),
        (b"column 2,\n1,2\n", [{"column 2": "1", "column 2 of the file": "2"}]),
    ],
)
def test_column_with_an_unusable_title_is_named_by_its_number(content: bytes, expected: list[dict[str, str]]) -> None:
    assert [row["metadata"] for row in read(CSV, content)] == expected


@pytest.mark.parametrize("more", [b"1,2,3", b"1,2,,3", b"1"])
def test_row_with_values_beyond_the_columns_or_without_a_titled_one_is_ragged(more: bytes) -> None:
    assert read(CSV, b"a,b\n" + more + b"\n") == [Fault.RAGGED]


@pytest.mark.parametrize(
    ("titles", "cells", "expected"),
    [
        ("study", "Quartz_2019", {"metadata": {"study": "Quartz_2019"}}),
        ("study", " 0190f3a4-0000-7000-8000-000000000001", {"study": "0190f3a4-0000-7000-8000-000000000001"}),
        ("taxon_id", "562.0", {"taxonId": 562}),
        ("taxonId", "E. coli", {"metadata": {"taxonId": "E. coli"}}),
        ("taxon_id", "99999999999", {"metadata": {"taxon_id": "99999999999"}}),
        ("*taxon_id,*collection_date", "562,2019", {"taxonId": 562, "collectionDate": "2019"}),
        ("subject", "s" * 257, {"metadata": {"subject": "s" * 257}}),
        ("organism", "o" * 201, {"metadata": {"organism": "o" * 201}}),
        ("collection_date", "d" * 41, {"metadata": {"collection_date": "d" * 41}}),
    ],
)
def test_value_that_a_field_of_the_sample_cannot_have_is_metadata(
    titles: str, cells: str, expected: dict[str, Any]
) -> None:
    assert read(CSV, f"{titles}\n{cells}\n".encode()) == [expected]


def test_long_names_of_lines_are_numbered() -> None:
    line = json.dumps({"organism": "a", "metadata": {"age": 1, "q" * 129: "x", "": "y"}})
    (row,) = read(NDJSON, line.encode())
    assert row["metadata"] == {"age": 1.0, "field 2": "x", "field 3": "y"}


def test_titles_that_are_named_once_leave_out_columns_that_may_be_empty() -> None:
    reader = open_reader(CSV)
    (titles,) = reader.feed(b",age,,q,\n")
    assert titles == rows.Titles(["column 1", "age", "q"])


def test_tsv_is_read_as_csv_is() -> None:
    found = read(TSV, b'taxon_id\tdescription\torganism\n7\ta, b\tE. coli\n\t"a\tb"\tE. coli\n')
    assert found == [
        {"taxonId": 7, "organism": "E. coli", "metadata": {"description": "a, b"}},
        {"organism": "E. coli", "metadata": {"description": "a\tb"}},
    ]


@pytest.mark.parametrize(
    "broken",
    [b'"never ends', b'"ends" here', b'x,"never ends', b'"', b'"ends here" not,"and opens again'],
)
@pytest.mark.parametrize("lines", [0, 3, 250])
def test_stray_quote_rejects_only_its_row(broken: bytes, lines: int) -> None:
    after = b'plain,1\n"quoted, too",2\n"two\nlines",3\n' * lines
    good = [{"organism": "plain", "metadata": {"n": "1"}}, {"organism": "quoted, too", "metadata": {"n": "2"}}]
    good.append({"organism": "two\nlines", "metadata": {"n": "3"}})
    found = read(CSV, b"organism,n\nfirst,0\n" + broken + b"\n" + after)
    assert found == [{"organism": "first", "metadata": {"n": "0"}}, Fault.BADLY_QUOTED, *good * lines]


def test_file_of_unclosed_quotes_is_read_in_reasonable_time() -> None:
    # Each line opens a quote that no later line closes.
    found = read(CSV, b"organism,n\n" + b'a"b,"c\n' * 5_000)
    assert found == [Fault.BADLY_QUOTED] * 5_000


def test_lines_within_quotes_are_scanned_a_bounded_number_of_times(monkeypatch: pytest.MonkeyPatch) -> None:
    # Each line closes the previous quote and opens another.
    scans = 0
    ends_inside = records._ends_inside

    def count(line: bytes, delimiter: bytes, inside: bool) -> bool:
        nonlocal scans
        scans += 1
        return ends_inside(line, delimiter, inside)

    monkeypatch.setattr(records, "_ends_inside", count)
    assert read(CSV, b"organism,n\n" + b'x","\n' * 1_000) == [Fault.BADLY_QUOTED] * 1_000
    assert scans < 5_000


async def test_blank_lines_do_not_block_other_tasks() -> None:
    async def messages() -> AsyncIterator[pb.ImportFileRequest]:
        yield pb.ImportFileRequest(file=HttpBody(data=b"\n" * 1_000_000))

    async with counting_turns() as turns:
        assert [item async for item in servicer._rows_in(open_reader(NDJSON), messages())] == []
        assert turns() >= 30


LINE = {"organism": "E. coli", "taxonId": "562", "metadata": {"age": 34, "ok": True, "none": None, "text": "\n"}}


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (json.dumps(LINE), {**LINE, "taxonId": 562}),
        ('{"taxon_id": 5.0, "collection_date": "2019", "study": null}', {"taxonId": 5, "collectionDate": "2019"}),
        ('{"metadata": {"deep": {"a": [1]}}}', {"metadata": {"deep": []}}),
        ("{}", {}),
        ("nonsense", RowNotJson),
        ("[]", RowNotJson),
        ('{"organism": "E. coli"', RowNotJson),
        ('{"organism": "a", "organism": "b"}', RowNotJson),
        ('{"taxonId": 1, "taxon_id": 1}', RowNotJson),
        ('{"metadata": {"a": 1, "a": 2}}', RowNotJson),
        ('{"metadata": {"a": NaN}}', RowNotJson),
        ("[" * 100_000, RowNotJson),
        ('{"Subject": "donor"}', RowFieldUnknown),
        ('{"organism": 5}', InvalidRequest),
        ('{"organism": "\\ud800"}', InvalidRequest),
        ('{"taxonId": true}', InvalidRequest),
        ('{"taxonId": 99999999999}', InvalidRequest),
        ('{"taxonId": "²"}', {"metadata": {"taxonId": "²"}}),
        ('{"taxonId": "9606.0"}', {"taxonId": 9606}),
        ('{"metadata": []}', InvalidRequest),
        ('{"metadata": {"a": 1' + "0" * 400 + "}}", InvalidRequest),
        ('{"metadata": {"\\ud800": 1}}', InvalidRequest),
        ('{"metadata": {"a": 9007199254740992}}', {"metadata": {"a": 9007199254740992}}),
        ('{"metadata": {"a": 9007199254740993}}', InvalidRequest),
    ],
)
def test_json_lines(line: str, expected: object) -> None:
    valid = b'{"organism": "E. coli"}\n'
    found = read(NDJSON, valid + line.encode() + b"\r\n \n" + valid, 3)
    assert found == [{"organism": "E. coli"}, expected, {"organism": "E. coli"}]


@pytest.mark.parametrize("content_type", [NDJSON, CSV])
def test_too_long_row_is_rejected_alone(content_type: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "MOST_BYTES", 100)
    row = b'{"organism":"a"}' if content_type == NDJSON else b"a"
    content = b"\n".join([row, b"x" * 101, row, b"y" * 5_000, row])
    content = content if content_type == NDJSON else b"organism\n" + content
    for cuts in (None, 5, 100):
        found = read(content_type, content, cuts)
        assert found == [{"organism": "a"}, Fault.TOO_LARGE, {"organism": "a"}, Fault.TOO_LARGE, {"organism": "a"}]


@pytest.mark.parametrize(
    ("titles", "violation"),
    [
        (b"", None),
        (b",,", "names no column"),
        (b'"a', "A quoted cell is not closed"),
        (b"\xef\xbb\xbf\xff", "not UTF-8"),
    ],
)
def test_unusable_header_rejects_the_file(titles: bytes, violation: str | None) -> None:
    if violation is None:
        assert read(CSV, titles) == []
        return
    with pytest.raises(InvalidRequest) as refused:
        read(CSV, titles + b"\nE. coli,1,2\n")
    assert violation in refused.value.violations[0].description


@pytest.mark.parametrize(
    "content_type",
    ["text/csv", "text/CSV; charset=UTF-8", 'text/csv; header=yes; charset="utf-8"', f"{NDJSON};charset=utf8"],
)
def test_content_type_may_have_parameters(content_type: str) -> None:
    assert open_reader(content_type)


@pytest.mark.parametrize("content_type", ["", "application/json", "text/plain", "text/csv; charset=klingon", "csv"])
def test_other_content_types_are_rejected(content_type: str) -> None:
    with pytest.raises(MediaTypeUnsupported):
        open_reader(content_type)


def test_reader_reports_a_possibly_truncated_file() -> None:
    for content, unfinished in ((b"a\n1\n", False), (b"a\n1", True), (b'a\n"1\n', True)):
        reader = open_reader(CSV)
        list(reader.feed(content))
        assert reader.unfinished() is unfinished


def test_row_may_have_its_own_key() -> None:
    reader = open_reader(CSV)
    _, row = reader.feed(b"request_id,organism\nkey 1,E. coli\n")
    assert isinstance(row, rows.Row)
    assert (row.request_id, dict(row.sample.metadata)) == ("key 1", {})


def test_row_has_the_fields_of_a_sample() -> None:
    names = {name for field in RawSample.DESCRIPTOR.fields for name in (field.json_name, field.name)}
    assert names == {*SAMPLE_FIELDS, "metadata"}


@pytest.mark.parametrize("fault", Fault)
def test_gateway_and_client_report_the_same_fault_in_the_same_words(fault: Fault) -> None:
    error = RowUnreadable(fault)
    assert (error.reason, error.message) == (fault.reason, fault.value)
    assert error.code == (StatusCode.RESOURCE_EXHAUSTED if fault is Fault.TOO_LARGE else StatusCode.INVALID_ARGUMENT)
