"""`fairdb import` against a whole constellation."""

import asyncio
import csv
import json
import os
import re
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.e2e.command import run_fairdb
from tests.e2e.importing import NDJSON, SECRET, TSV, samples, stored_ids, to_file
from tests.platform import PASSWORD, Account, Platform


async def run(account: Account, edge_url: str, *words: str | Path) -> tuple[int, str, str]:
    """Run `fairdb import`. Returns its exit code, output and errors. Fails if it printed SECRET."""
    ended = await run_fairdb(edge_url, account.email, "import", *words)
    assert SECRET not in ended.output + ended.errors
    return ended.code, ended.output, ended.errors


Relay = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def relaying(relay: Relay) -> AsyncIterator[str]:
    """Run a server that answers every request with `relay`. Yields its URL."""
    app = web.Application(client_max_size=1 << 22)
    app.router.add_route("*", "/{path:.*}", relay)
    async with TestServer(app) as server:
        yield f"http://127.0.0.1:{server.port}"


async def forward(platform: Platform, request: web.Request) -> web.Response:
    """Forward a request to the edge."""
    answer = await platform.http.request(
        request.method, request.path_qs, content=await request.read(), headers=dict(request.headers)
    )
    return web.Response(status=answer.status_code, body=answer.content, content_type=answer.headers["content-type"])


async def test_refused_rows_can_be_corrected_and_imported(platform: Platform, tmp_path: Path) -> None:
    account = await platform.account(consented=True)
    edge_url = platform.constellation.edge_url
    file, report, refused = tmp_path / "samples.tsv", tmp_path / "report.csv", tmp_path / "refused.tsv"
    rows = [*samples(900)]
    rows[500] = {"organism": SECRET, "metadata": {"body_site": "feces", "age": "34"}}
    file.write_bytes(to_file(TSV, [*rows, f"E. coli\t{SECRET}"]))

    code, output, errors = await run(account, edge_url, file, "--report", report, "--refused", refused)

    assert (code, errors) == (1, "")
    assert "901 rows: 899 new, 0 stored before, 2 refused" in output
    assert all(how in output for how in ("organism", "more or fewer cells"))
    table = list(csv.DictReader(report.read_text().splitlines()))
    assert [int(row["row"]) for row in table] == [*range(1, 902)]
    assert {row["id"] for row in table if row["id"]} == await stored_ids(account)
    problems = [row for row in table if not row["id"]]
    assert [(row["row"], row["line"], row["reason"], row["field"]) for row in problems] == [
        ("501", "502", "INVALID_REQUEST", "organism"),
        ("901", "902", "MALFORMED_REQUEST", ""),
    ]
    assert all(row["how to correct it"] for row in problems)
    assert SECRET not in report.read_text()

    # Importing the whole file again stores nothing. The corrected rows are stored once.
    code, _, _ = await run(account, edge_url, file)
    assert code == 1
    assert len(await stored_ids(account)) == 899
    titles, first, second = refused.read_text().splitlines()
    refused.write_text(
        "\n".join([titles, first.replace(SECRET, "E. coli"), second.replace(SECRET, "\t\t\t\tsaliva\t34")])
    )
    for expected in ("2 rows: 2 new, 0 stored before, 0 refused", "2 rows: 0 new, 2 stored before, 0 refused"):
        code, output, _ = await run(account, edge_url, refused)
        assert (code, output.strip()) == (0, expected)
    assert len(await stored_ids(account)) == 901

    # The row that was corrected in the file of refused rows is reported as stored. It is not refused again.
    again = tmp_path / "again.tsv"
    code, output, _ = await run(account, edge_url, file, "--refused", again)
    assert "Already stored: its correction was imported before." in output
    assert "fresh key" not in output
    assert [line.split("\t")[0] for line in again.read_text().splitlines()] == ["organism", "E. coli"]


async def test_chunk_with_a_lost_answer_is_sent_again(platform: Platform, tmp_path: Path) -> None:
    account = await platform.account(consented=True)
    lost = 0

    async def relay(request: web.Request) -> web.StreamResponse:
        """Forward a request, and lose every second answer of an import."""
        nonlocal lost
        answer = await forward(platform, request)
        if request.path.endswith(":import"):
            lost += 1
            if lost % 2:
                assert request.transport is not None
                request.transport.close()
        return answer

    file, report = tmp_path / "samples.ndjson", tmp_path / "report.ndjson"
    file.write_bytes(to_file(NDJSON, samples(900)))
    async with relaying(relay) as url:
        code, output, errors = await run(account, url, file, "--report", report)
    assert (code, errors) == (0, "")
    assert re.match(r"900 rows: (0 new, 900|[45]00 new, [45]00|100 new, 800|800 new, 100) stored before", output)
    assert "An answer was lost" in output
    assert lost > 3
    found = [json.loads(line) for line in report.read_text().splitlines()]
    assert [row["row"] for row in found] == [row["line"] for row in found] == [*range(1, 901)]
    assert {row["id"] for row in found} == await stored_ids(account)
    assert len(await stored_ids(account)) == 900


async def test_interrupted_import_ends_with_one_line(platform: Platform, tmp_path: Path) -> None:
    account = await platform.account(consented=True)
    first, held, free = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def relay(request: web.Request) -> web.StreamResponse:
        """Forward a request. Chunks with the tube "second" wait until `free` is set."""
        content = await request.read()
        if b'"second"' in content:
            held.set()
            await free.wait()
        answer = await forward(platform, request)
        if b'"first"' in content:
            first.set()
        return answer

    file, report = tmp_path / "samples.csv", tmp_path / "report.csv"
    file.write_text("organism,tube\n" + "E. coli,first\n" * 400 + "E. coli,second\n" * 800)
    # Restore the default handler: a test run in the background may ignore SIGINT, and child processes inherit that.
    main = (
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
        "import fairdatabase.client.commands.main as c"
    )
    async with relaying(relay) as url:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", f"{main}; c.main()", "import", file, "--email", account.email, "--report", report,
            "--edge-url", url,
            env={**os.environ, "FAIRDB_PASSWORD": PASSWORD},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        async with asyncio.timeout(60):
            await asyncio.gather(held.wait(), first.wait())
        process.send_signal(signal.SIGINT)
        assert process.stderr is not None
        # The line appears although the held chunk is not yet answered.
        line = await asyncio.wait_for(process.stderr.readline(), 60)
        free.set()
        output, errors = await process.communicate()
    assert re.fullmatch(
        rb"Interrupted: \d+ rows were processed; "
        rb"the same command with --force continues from there and stores nothing twice\n",
        line,
    )
    assert (process.returncode, output, errors) == (130, b"", b"")

    code, output, _ = await run(account, platform.constellation.edge_url, file, "--report", report, "--force")
    assert code == 0
    assert output.startswith("1200 rows: ")
    assert len(await stored_ids(account)) == 1200


async def test_rows_without_study_and_organism_take_those_of_the_options(platform: Platform, tmp_path: Path) -> None:
    account = await platform.account(consented=True)
    study = (await account.call("POST", "/api/studies", {"title": "imports"})).json()["id"]
    file = tmp_path / "samples"
    file.write_text("age\n34\n")
    words = ("--format", "csv", "--organism", "E. coli", "--study", study)
    code, _, errors = await run(account, platform.constellation.edge_url, file, *words)
    assert (code, errors) == (0, "")
    (id,) = await stored_ids(account)
    sample = (await account.call("GET", f"/api/samples/{id}")).json()
    assert (sample["organism"], sample["study"]) == ("E. coli", study)

    # If every row has its own study and organism, the options change nothing, and nothing is stored again.
    named = tmp_path / "named.csv"
    named.write_text(f"age,organism,study\n34,E. coli,{study}\n")
    code, output, _ = await run(account, platform.constellation.edge_url, named, "--organism", "another")
    assert (code, output) == (0, "1 row: 0 new, 1 stored before, 0 refused\n")


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("absent.csv", None, "No such file"),
        ("unknown.xlsx", b"a\n1\n", "--format"),
        ("untitled.csv", b",,\n1,2,3\n", "header: names no column"),
        ("empty.csv", b"", "the file is empty"),
        ("titles.csv", b"organism,b\n", "the file contains no rows"),
    ],
)
async def test_bad_input_is_reported_before_anything_is_sent(
    platform: Platform, tmp_path: Path, name: str, content: bytes | None, expected: str
) -> None:
    account = Account(platform.http, "", "nobody@example.org", "")
    if content is not None:
        (tmp_path / name).write_bytes(content)
    code, _, errors = await run(account, platform.constellation.edge_url, tmp_path / name)
    assert code == 2
    assert expected in errors


async def test_refusal_by_the_platform_is_reported(platform: Platform, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"organism\nE. coli\n")
    steward = await platform.with_roles("ROLE_STEWARD")
    code, _, errors = await run(steward, platform.constellation.edge_url, tmp_path / "a.csv")
    assert code == 1
    assert "ACCESS_DENIED" in errors


async def test_invalid_study_is_bad_input(platform: Platform, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"organism\nE. coli\n")
    account = await platform.account(consented=True)
    code, _, errors = await run(account, platform.constellation.edge_url, tmp_path / "a.csv", "--study", "nope")
    assert code == 2
    assert errors.startswith("Refused: 400 INVALID_REQUEST")
    assert "study" in errors
    assert errors.count("\n") == 1
