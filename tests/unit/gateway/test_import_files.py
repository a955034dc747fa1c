"""Import files: the same rows wherever the bytes are split, and bad rows that affect no others."""

import json
import random
from collections.abc import AsyncIterator
from typing import Any

import pytest
from google.api.httpbody_pb2 import HttpBody
from google.protobuf.json_format import MessageToDict
from grpc import StatusCode

from chassis.errors import AppError, InvalidRequest
from fairdatabase.sheets import records
from fairdatabase.sheets.columns import SAMPLE_FIELDS
from fairdatabase.sheets.records import Fault
from fairdb.samples.v1 import import_service_pb2 as pb
from fairdb.samples.v1.sample_pb2 import RawSample
from gateway.imports import rows, servicer
from gateway.imports.errors import MediaTypeUnsupported, RowFieldUnknown, RowNotJson, RowUnreadable
from gateway.imports.files import open_reader
from tests.waiting import counting_turns

NDJSON, CSV, TSV = "application/x-ndjson", "text/csv", "text/tab-separated-values"


def read(content_type: str, content: bytes, cuts: int | None = None) -> list[Any]:
    """Return the outcome of each row of a file; the file arrives split at `cuts` random places."""
    dice = random.Random(cuts)
    places = sorted(dice.randint(0, len(content)) for _ in range(cuts or 0))
    reader = open_reader(content_type)
    items = []
    for start, end in zip([0, *places], [*places, len(content)], strict=True):
        items += reader.feed(content[start:end])
    items += reader.end()
    return [outcome(item) for item in items if not isinstance(item, rows.Titles)]


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
        (b"a,,b", "column 2 has no title"),
        (b"a,b,a", "columns 1 and 3 have the same title"),
        (b"taxonId,taxon_id", "columns 1 and 2 have the same title"),
        (b'"a', "cannot be read"),
        (b"\xff", "cannot be read"),
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


@pytest.mark.parametrize("content_type", ["", "application/json", "text/plain", "text/csv; charset=latin-1", "csv"])
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
