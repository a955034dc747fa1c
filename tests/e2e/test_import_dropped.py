"""Imports name what they drop: over REST, over gRPC, and in `fairdb import`."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from fairdatabase.client import connect
from fairdb.samples.v1 import import_service_pb2 as pb
from fairdb.samples.v1.import_service_pb2_grpc import ImportServiceStub
from fairdb.samples.v1.sample_pb2 import RawSample
from tests.e2e.command import run_fairdb
from tests.e2e.importing import CSV, NDJSON, TSV, Answer, send
from tests.platform import Account, Platform

TITLES = ["organism", "tube label", "sex", "body_site", "telephone"]
CELLS = [["E. coli", "1", "quux", "feces", "555 0100"], ["E. coli", "2", "male", "quuxly", ""]]
OF_EACH_ROW = [["sex"], ["body_site"]]
OF_ALL_ROWS = ["tube label", "telephone"]
COUNTS = {"sex": 1, "body_site": 1, "tube label": 2, "telephone": 1}


def table(delimiter: str) -> bytes:
    return "".join(delimiter.join(cells) + "\n" for cells in (TITLES, *CELLS)).encode()


def lines() -> bytes:
    rows = [dict(zip(TITLES, cells, strict=True)) for cells in CELLS]
    named = [{"organism": row.pop("organism"), "metadata": {k: v for k, v in row.items() if v}} for row in rows]
    return "".join(json.dumps(row) + "\n" for row in named).encode()


async def answers(account: Account, content: bytes, content_type: str) -> Answer:
    response = await send(account, content, content_type)
    return [json.loads(line) for line in response.text.splitlines()]


def counted(summary: dict[str, Any]) -> dict[str, int]:
    assert all(drop["reason"] for drop in summary["dropped"])
    return {drop["field"]: drop["rows"] for drop in summary["dropped"]}


@pytest.mark.parametrize(("content_type", "delimiter"), [(CSV, ","), (TSV, "\t")])
async def test_table_names_columns_once_and_values_for_each_row(
    platform: Platform, content_type: str, delimiter: str
) -> None:
    account = await platform.account(consented=True)
    # The second time, the rows are repeated.
    for repeated in (0, 2):
        columns, *rows, last = await answers(account, table(delimiter), content_type)
        assert [column["field"] for column in columns["columns"]] == OF_ALL_ROWS
        assert [row["droppedFields"] for row in rows] == OF_EACH_ROW
        assert last["summary"]["repeated"] == repeated
        assert counted(last["summary"]) == COUNTS


async def test_lines_name_all_fields_of_each_row(platform: Platform) -> None:
    account = await platform.account(consented=True)
    *rows, last = await answers(account, lines(), NDJSON)
    assert [row["droppedFields"] for row in rows] == [["sex", "telephone", "tube label"], ["body_site", "tube label"]]
    assert counted(last["summary"]) == COUNTS


async def test_messages_name_all_fields_of_each_row(platform: Platform) -> None:
    account = await platform.account(consented=True)
    rows: list[pb.ImportRow] = []
    for organism, *cells in CELLS:
        sample = RawSample(organism=organism)
        for title, cell in zip(TITLES[1:], cells, strict=True):
            sample.metadata[title].string_value = cell
        rows.append(pb.ImportRow(sample=sample))
    target = platform.constellation.edge_url.removeprefix("http://")
    merged = pb.ImportSamplesResponse()
    async with connect(target, account.token) as channel:
        async for message in ImportServiceStub(channel).ImportSamples(iter([pb.ImportSamplesRequest(rows=rows)])):
            merged.MergeFrom(message)
    assert [sorted(row.dropped_fields)[:2] for row in merged.rows] == [["sex", "telephone"], ["body_site", "telephone"]]
    assert {drop.field for drop in merged.summary.dropped if drop.reason} == set(COUNTS)


async def test_command_names_what_was_dropped(platform: Platform, tmp_path: Path) -> None:
    account = await platform.account(consented=True)
    file = tmp_path / "samples.csv"
    file.write_bytes(table(","))
    for report in (tmp_path / "report.ndjson", tmp_path / "report.csv"):
        ended = await run_fairdb(platform.constellation.edge_url, account.email, "import", file, "--report", report)
        assert (ended.code, ended.errors) == (0, "")
        assert "Dropped from every row, unknown: tube label" in ended.output
        assert "Dropped from every row, never stored: telephone" in ended.output
        assert "Dropped values, of 2 rows" in ended.output
    first, *rows = [json.loads(line) for line in (tmp_path / "report.ndjson").read_text().splitlines()]
    assert sorted(column["field"] for column in first["columns"]) == sorted(OF_ALL_ROWS)
    assert [row["droppedFields"] for row in rows] == OF_EACH_ROW
    of_rows = [row for row in csv.DictReader((tmp_path / "report.csv").read_text().splitlines()) if row["row"]]
    assert [row["dropped"] for row in of_rows] == [name for (name,) in OF_EACH_ROW]
