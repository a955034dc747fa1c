"""The rows of a file to import: their keys and their chunks."""

import io
import json
from typing import Any

import pytest

from fairdatabase.client.imports import rows
from fairdatabase.client.imports.rows import Chunk, FileUnusable, Format, Keys, read_chunks
from fairdatabase.sheets.records import Fault


def chunks_of(content: bytes, format: Format, study: str = "", organism: str = "") -> list[Chunk]:
    return list(read_chunks(io.BytesIO(content), format, Keys(study, organism)))


def sent(chunks: list[Chunk]) -> list[Any]:
    return [json.loads(line) for chunk in chunks for line in chunk.content.splitlines()]


def keys_of(content: bytes, format: Format, study: str = "", organism: str = "") -> list[str]:
    return [row["requestId"] for row in sent(chunks_of(content, format, study, organism))]


TABLE = b"organism,taxon_id,age\nE. coli,562,\nE. coli,,34\nE. coli,,34\n"
STUDY = "0190f3a4-0000-7000-8000-000000000001"
LINES = b'{"organism": "a"}\n{ "organism" : "b"}\n{"organism": "a"}\n{}\n'


def test_rows_of_a_table_become_lines_of_json() -> None:
    rows = sent(chunks_of(TABLE, Format.CSV))
    assert [{name: row[name] for name in row if name != "requestId"} for row in rows] == [
        {"organism": "E. coli", "taxonId": "562"},
        {"organism": "E. coli", "metadata": {"age": "34"}},
        {"organism": "E. coli", "metadata": {"age": "34"}},
    ]


@pytest.mark.parametrize(("content", "format"), [(TABLE, Format.CSV), (LINES, Format.NDJSON)])
@pytest.mark.parametrize("at_once", [1, 2, 400])
def test_key_of_a_row_does_not_depend_on_chunk_size(
    content: bytes, format: Format, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = keys_of(content, format)
    assert len(set(keys)) == len(keys) == content.count(b"\n") - (format is Format.CSV)
    monkeypatch.setattr(rows, "_ROWS_AT_ONCE", at_once)
    chunks = chunks_of(content, format)
    assert max(len(chunk.rows) for chunk in chunks) <= at_once
    assert [row["requestId"] for row in sent(chunks)] == keys
    assert not set(keys_of(content, format, study="other")) & set(keys)


@pytest.mark.parametrize(
    ("without", "named", "format"),
    [
        (b"age\n34\n35\n", f"study,organism,age\n{STUDY},o,34\n{STUDY},o,35\n".encode(), Format.CSV),
        (
            b"age,study,organism\n34,,\n35, ,\n",
            f"study,organism,age\n{STUDY},o,34\n{STUDY},o,35\n".encode(),
            Format.CSV,
        ),
        (
            b'{"organism": ""}\n{"study": null}\n',
            f'{{"study": "{STUDY}", "organism": "o"}}\n'.encode() * 2,
            Format.NDJSON,
        ),
    ],
)
def test_defaults_of_the_import_apply_only_to_rows_without_their_own_values(
    without: bytes, named: bytes, format: Format
) -> None:
    keys = keys_of(named, format)
    assert keys_of(without, format, study=STUDY, organism="o") == keys
    # A default that does not change the stored rows does not change their keys.
    assert keys_of(named, format, study="other", organism="another") == keys
    assert not set(keys_of(without, format, study=STUDY, organism="another")) & set(keys)
    assert not set(keys_of(without, format, study="other", organism="o")) & set(keys)


def test_own_key_of_a_row_is_kept() -> None:
    assert keys_of(b"requestId,organism\nmine,a\n,a\n", Format.CSV)[0] == "mine"
    assert keys_of(b'{"request_id": "x", "requestId": "mine"}\n', Format.NDJSON) == ["mine"]


def test_unreadable_table_rows_are_not_sent_but_odd_json_lines_are() -> None:
    (chunk,) = chunks_of(b'\xef\xbb\xbfa,b\n1\n"x" y,2\n\xff,1\n,\n1,2\n', Format.CSV, organism="E. coli")
    assert [row.fault for row in chunk.rows] == [Fault.RAGGED, Fault.BADLY_QUOTED, Fault.NOT_TEXT, Fault.EMPTY, None]
    assert [(row.number, row.line) for row in chunk.rows] == [(1, 2), (2, 3), (3, 4), (4, 5), (5, 6)]
    assert chunk.content.count(b"\n") == 1
    (chunk,) = chunks_of(b'nonsense\n[1]\n{"a": 1, "a": 2}\n', Format.NDJSON)
    first, second, third = chunk.content.splitlines()
    assert (first, second) == (b"nonsense", b"[1]")
    assert third.endswith(b'"a": 1, "a": 2}')


@pytest.mark.parametrize("format", [Format.CSV, Format.TSV])
def test_corrected_row_differs_from_an_equal_stored_row(format: Format) -> None:
    mark = "," if format is Format.CSV else "\t"
    content = f"organism{mark}age\nE. coli{mark}34\nE. coli{mark}x\nE. coli\n".encode()
    (chunk,) = chunks_of(content, format)
    refused = b"\n".join([chunk.titles, *(row.to_correct for row in chunk.rows[1:])])
    corrected = refused.replace(f"{mark}x".encode(), f"{mark}34".encode()) + f"{mark}34\n".encode()
    keys = keys_of(corrected, format)
    assert len({*keys, *keys_of(content, format)[:1]}) == 3
    # Sending the corrected file again gives the same keys.
    assert keys_of(corrected, format) == keys


def test_refused_row_gets_its_key_in_the_key_column() -> None:
    (chunk,) = chunks_of(b'organism,requestId,age\n"E. coli, K12",,x\nE. coli,mine,x\n', Format.CSV)
    assert chunk.titles == b"organism,requestId,age"
    key = sent([chunk])[0]["requestId"]
    assert [row.to_correct for row in chunk.rows] == [f'"E. coli, K12",{key},x'.encode(), b"E. coli,mine,x"]


@pytest.mark.parametrize("content", [b"", b"a\n", b",,\n1,2,3\n", b'"a\n', b"\xef\xbb\xbf\xff\n1\n", b"%PDF-1.7\n1\n"])
def test_unusable_file_is_refused(content: bytes) -> None:
    with pytest.raises(FileUnusable):
        chunks_of(content, Format.CSV, organism="E. coli")


@pytest.mark.parametrize("titles", [b"sample,age", b"host,age", b"sample;age", b"host scientific name\tage"])
def test_table_that_names_no_organism_is_refused_with_advice(titles: bytes) -> None:
    with pytest.raises(FileUnusable) as raised:
        chunks_of(titles + b"\n1,2\n", Format.CSV)
    assert "no column names the organism; the columns are: " in str(raised.value)
    assert "--organism NAME" in str(raised.value)


@pytest.mark.parametrize(
    "title", [b"organism", b"*organism", b"Organism", b"scientific_name", b"species", b"tax name", b"tax_id", b"TaxID"]
)
@pytest.mark.parametrize("format", [Format.CSV, Format.TSV])
@pytest.mark.parametrize("delimiter", [b",", b"\t", b";", b"|"])
def test_any_title_of_the_organism_serves_with_any_delimiter(title: bytes, format: Format, delimiter: bytes) -> None:
    (row,) = sent(chunks_of(delimiter.join([title, b"age"]) + b"\n" + delimiter.join([b"o", b"34"]) + b"\n", format))
    assert row["metadata"]["age"] == "34"


def test_comments_are_counted_and_no_rows() -> None:
    (chunk,) = chunks_of(b"#SampleID\tspecies\n#q2:types\tcategorical\nS1\to\n# end\n", Format.TSV)
    assert [(row.number, row.line) for row in chunk.rows] == [(1, 3)]
    assert chunk.comments == 2
