"""Imports over REST: every row succeeds or fails on its own, and is stored once."""

import asyncio
import json
import socket
from collections import Counter
from contextlib import AsyncExitStack
from typing import Any

import pytest

from chassis.tasks import cancel
from fairdatabase.client.session import error_of
from tests.abuse import be_honest
from tests.e2e.importing import (
    CSV,
    NDJSON,
    PATH,
    SECRET,
    TSV,
    Exchange,
    answers_of,
    exchanging,
    samples,
    send,
    stored_ids,
    to_file,
)
from tests.platform import Platform
from tests.waiting import eventually

BAD_SAMPLES: list[dict[str, Any]] = [
    {"organism": "", "metadata": {"age": "34"}},
    {"organism": f"of {SECRET}", "metadata": {"age": "34"}},
    {"organism": SECRET},
    {"organism": SECRET.upper(), "taxonId": 562},
    {"organism": "E. coli", "subject": SECRET},
    {"organism": "E. coli", "requestId": "x" * 129},
]
REASONS = ["INVALID_REQUEST"] * 4 + ["CONSENT_REQUIRED", "INVALID_REQUEST"]
UNREADABLE = {
    NDJSON: [SECRET, f'{{"organism": "{SECRET}"', f'{{"{SECRET}": 1}}', "[1]"],
    CSV: [SECRET, f'"{SECRET}" x,,,,,,', f'"{SECRET}', ",,,,,,"],
    TSV: [SECRET, f'"{SECRET}" x\t\t\t\t\t\t', f'"{SECRET}', "\t\t\t\t\t\t"],
}


@pytest.mark.parametrize("content_type", [NDJSON, CSV, TSV])
async def test_good_rows_are_stored_and_bad_rows_reported(platform: Platform, content_type: str) -> None:
    account = await platform.account(consented=True)
    rows: list[dict[str, Any] | str] = [*samples(300)]
    bad = [*BAD_SAMPLES, *UNREADABLE[content_type]]
    places = {10 + 17 * number: row for number, row in enumerate(bad)}
    for place, row in places.items():
        rows[place] = row
    file = to_file(content_type, rows)
    # Add a line that is not UTF-8.
    file += b"\xff\xfe\n"

    response = await send(account, file, content_type)

    answers, summary = answers_of(response)
    refused = {answer["row"] - 1: answer["error"] for answer in answers if "error" in answer}
    reasons = dict(zip(places, REASONS + ["MALFORMED_REQUEST"] * 4, strict=True)) | {300: "MALFORMED_REQUEST"}
    assert {place: error["reason"] for place, error in refused.items()} == reasons
    assert summary == {"rows": 301, "stored": 290, "repeated": 0, "refused": 11, "dropped": []}
    assert await stored_ids(account) == {answer["id"] for answer in answers if "id" in answer}
    # An import reports the same error as the creation of a single sample.
    for place, sample in list(places.items())[:3]:
        assert isinstance(sample, dict)
        alone = error_of(await account.call("POST", "/api/samples", sample))
        error = refused[place]
        violations = tuple((item["field"], item["description"]) for item in error["violations"])
        assert (error["reason"], error["message"], violations) == (alone.reason, alone.message, alone.violations)
        assert violations
    assert SECRET.lower() not in response.text.lower()

    # Send the same file again, then the corrected file.
    again, summary = answers_of(await send(account, file, content_type))
    assert [answer.get("id") for answer in again] == [answer.get("id") for answer in answers]
    assert (summary["stored"], summary["repeated"]) == (290, 290)
    for place in places:
        rows[place] = {"organism": "E. coli", "metadata": {"body_site": "saliva"}}
    corrected, summary = answers_of(await send(account, to_file(content_type, rows), content_type))
    assert summary == {"rows": 300, "stored": 300, "repeated": 290, "refused": 0, "dropped": []}
    kept = [answer["id"] for answer in answers if "id" in answer]
    assert [row["id"] for row in corrected if row["row"] - 1 not in places] == kept
    assert len(await stored_ids(account)) == 300


async def test_organism_and_study_of_the_import_apply_to_every_row(platform: Platform) -> None:
    account = await platform.account(consented=True)
    study = (await account.call("POST", "/api/studies", {"title": "imports"})).json()["id"]
    answer = await send(account, b"\xef\xbb\xbfage\n34\n35", f"{CSV}; charset=utf-8", organism="E. coli", study=study)
    rows, summary = answers_of(answer)
    assert summary["stored"] == 2
    sample = (await account.call("GET", f"/api/samples/{rows[1]['id']}")).json()
    assert (sample["organism"], sample["study"], sample["metadata"]) == ("E. coli", study, {"age": "30-39"})


async def test_request_id_of_a_row_equals_the_idempotency_key_of_a_creation(platform: Platform) -> None:
    account = await platform.account(consented=True)
    body = {"organism": "E. coli"}
    alone = await account.call("POST", "/api/samples", body, headers={"Idempotency-Key": "tube 1"})
    lines = [{**body, "requestId": "tube 1"}, {**body, "requestId": "tube 2"}, {**body, "request_id": "tube 2"}]
    lines.append({"organism": "human gut metagenome", "requestId": "tube 1"})
    rows, summary = answers_of(await send(account, to_file(NDJSON, lines), NDJSON))
    assert rows[0]["id"] == alone.json()["id"] != rows[1]["id"] == rows[2]["id"]
    assert rows[3]["error"]["reason"] == "IDEMPOTENCY_KEY_REUSED"
    assert summary["stored"] == 3


async def test_repeated_rows_among_many_new_ones_are_recognised(platform: Platform) -> None:
    account = await platform.account(consented=True)
    lines = [{**sample, "requestId": f"tube {number}"} for number, sample in enumerate(samples(600))]
    rows, summary = answers_of(await send(account, to_file(NDJSON, [*lines, *lines[:20]]), NDJSON))
    assert summary == {"rows": 620, "stored": 620, "repeated": 20, "refused": 0, "dropped": []}
    assert [row["id"] for row in rows[600:]] == [row["id"] for row in rows[:20]]
    assert len(await stored_ids(account)) == 600


@pytest.mark.parametrize(
    ("content", "content_type", "parameters", "status", "reason"),
    [
        (b"age\n34\n", "text/plain", {}, 415, "MEDIA_TYPE_UNSUPPORTED"),
        (b"age\n34\n", "", {}, 415, "MEDIA_TYPE_UNSUPPORTED"),
        (b"age\n34\n", "text/csv; charset=klingon", {}, 415, "MEDIA_TYPE_UNSUPPORTED"),
        (b"", CSV, {}, 400, "INVALID_REQUEST"),
        (b"age\n", CSV, {}, 400, "INVALID_REQUEST"),
        (b"\n\n", NDJSON, {}, 400, "INVALID_REQUEST"),
        (b",,\n1,2,3\n", CSV, {}, 400, "INVALID_REQUEST"),
        (b"age\n34\n", CSV, {"study": "none"}, 400, "INVALID_REQUEST"),
        (b"age\n34\n", CSV, {"shoe": "42"}, 400, "MALFORMED_REQUEST"),
    ],
)
async def test_unusable_file_is_refused_as_a_whole(
    platform: Platform, content: bytes, content_type: str, parameters: dict[str, str], status: int, reason: str
) -> None:
    account = await platform.account(consented=True)
    answer = await send(account, content, content_type, **parameters)
    assert (answer.status_code, error_of(answer).reason) == (status, reason)
    assert answer.headers["content-type"] == "application/json"


async def test_import_requires_the_researcher_role(platform: Platform) -> None:
    file = to_file(NDJSON, samples(1))
    answer = await platform.http.post(PATH, content=file, headers={"Content-Type": NDJSON})
    assert (answer.status_code, error_of(answer).reason) == (401, "UNAUTHENTICATED")
    steward = await platform.with_roles("ROLE_STEWARD")
    answer = await send(steward, file, NDJSON)
    assert (answer.status_code, error_of(answer).reason) == (403, "ACCESS_DENIED")


async def test_slow_imports_give_way_to_somebody_who_needs_a_place(platform: Platform) -> None:
    honest, *others = [await platform.account(consented=True) for _ in range(5)]
    line = to_file(NDJSON, samples(1))
    async with AsyncExitStack() as stack:
        exchanges: list[Exchange] = []
        for other in others:
            for _ in range(2):
                exchange = await stack.enter_async_context(exchanging(platform, other, line, NDJSON))
                assert "id" in await exchange.read()
                exchanges.append(exchange)
            # The account has reached its own limit.
            answer = await send(other, line, NDJSON)
            assert (answer.status_code, error_of(answer).reason) == (429, "OVERLOADED")
        # The limit of the gateway is reached, by senders who send nothing more.
        times = await be_honest(lambda: send(honest, line, NDJSON), lambda: True)
        times.check()
        reading = [asyncio.create_task(exchange.read()) for exchange in exchanges]
        ended, going_on = await asyncio.wait(reading, timeout=30, return_when=asyncio.FIRST_COMPLETED)
        # Nothing is half-stored: an ended import reports its row.
        for task in ended:
            summary = task.result()["summary"]
            assert (summary["stored"], summary["stopped"]["reason"]) == (1, "OVERLOADED")
        assert going_on
        await cancel(*going_on)


async def test_rows_beyond_the_limit_are_refused_for_a_client_that_reads_last(platform: Platform) -> None:
    # The file is much larger than all buffers in both directions, and the client reads nothing until it has sent all.
    account = await platform.account(consented=True)
    rows = 100_005
    url = platform.constellation.edge_url.rpartition("/")[2]
    host, _, port = url.partition(":")
    head = f"POST {PATH} HTTP/1.1\r\nHost: {url}\r\nAuthorization: Bearer {account.token}\r\nContent-Type: {NDJSON}\r\n"
    line = b"x" * 200 + b"\n"
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 * 1024)
        connection.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(connection, (host, int(port)))
        length = f"Content-Length: {len(line) * rows}\r\nConnection: close\r\n\r\n"
        await loop.sock_sendall(connection, (head + length).encode())
        for _ in range(0, rows, 5):
            await loop.sock_sendall(connection, line * 5)
        received = bytearray()
        while piece := await loop.sock_recv(connection, 1 << 20):
            received += piece
    assert received.startswith(b"HTTP/1.1 200 OK")
    lines = [json.loads(part) for part in received.split(b"\n") if part.startswith(b"{") and part.endswith(b"}")]
    summary = lines[-1]["summary"]
    assert (summary["rows"], summary["refused"], summary["stopped"]["reason"]) == (
        100_000,
        100_000,
        "REQUEST_TOO_LARGE",
    )
    assert received.count(b'"row": ') == 100_000


async def test_sending_the_file_again_completes_an_interrupted_import(platform: Platform) -> None:
    account = await platform.account(consented=True)
    file = to_file(CSV, samples(400))
    # Cut the file between two digits of an age. The first digit alone would be a valid age, too.
    cut = file.index(b"\n", len(file) * 3 // 4) - 1
    async with exchanging(platform, account, file[:cut], CSV) as exchange:
        first = [await exchange.read() for _ in range(20)]
    whole = file[:cut].count(b"\n") - 1

    async def has_ended() -> bool:
        return len(await stored_ids(account)) == whole or not await is_busy()

    async def is_busy() -> bool:
        before = len(await stored_ids(account))
        await asyncio.sleep(0.5)
        return len(await stored_ids(account)) != before

    await eventually(has_ended)
    ages = Counter[str]()
    for id in await stored_ids(account):
        ages[(await account.call("GET", f"/api/samples/{id}")).json()["metadata"]["age"]] += 1
    assert "0-9" not in ages

    rows, summary = answers_of(await send(account, file, CSV))
    assert [row["id"] for row in rows[:20]] == [row["id"] for row in first]
    assert (summary["stored"], summary["refused"]) == (400, 0)
    assert summary["repeated"] >= 20
    assert await stored_ids(account) == {row["id"] for row in rows}


async def test_rows_after_a_withdrawal_are_refused(platform: Platform) -> None:
    account = await platform.account()
    consent = await account.consent()
    file = to_file(NDJSON, samples(60)).splitlines(keepends=True)
    async with exchanging(platform, account, b"".join(file[:30]), NDJSON) as exchange:
        assert all(["id" in await exchange.read() for _ in range(30)])
        assert (await account.call("POST", f"/api/consents/{consent}:withdraw", {})).status_code == 200
        exchange.send(b"".join(file[30:]))
        exchange.end()
        answers = [await exchange.read() for _ in range(31)]
    assert {answer["error"]["reason"] for answer in answers[:-1]} == {"CONSENT_REQUIRED"}
    assert answers[-1]["summary"] == {"rows": 60, "stored": 30, "repeated": 0, "refused": 30, "dropped": []}


async def test_logout_stops_an_import(platform: Platform) -> None:
    account = await platform.account(consented=True)
    line = to_file(NDJSON, samples(1))
    async with exchanging(platform, account, line, NDJSON) as exchange:
        assert "id" in await exchange.read()
        assert (await account.call("POST", "/api/auth/logout", {})).status_code == 200

        async def stopped() -> Any:
            exchange.send(line)
            answer = await exchange.read()
            return answer.get("summary")

        summary = await eventually(stopped)
        exchange.end()
    assert summary["stopped"]["reason"] == "TOKEN_REVOKED"
    assert summary["stored"] == summary["rows"] < 100
