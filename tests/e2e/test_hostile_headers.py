"""Headers that mean something to gRPC or to HTTP parsers: clients get our error or their answer, never gRPC's texts."""

import asyncio
import json

import pytest

from tests.error_answers import reason_of
from tests.platform import Account, Platform

CANARY = "Zaphod"
HEADERS: dict[str, dict[str, str]] = {
    "binary metadata that is not base64": {"x-note-bin": "!!!"},
    "binary metadata of gRPC": {"grpc-trace-bin": CANARY},
    "status details": {"grpc-status-details-bin": "AAA"},
    "known encoding": {"grpc-encoding": "gzip"},
    "unknown encoding": {"grpc-encoding": CANARY},
    "encodings": {"grpc-accept-encoding": CANARY},
    "internal encoding request": {"grpc-internal-encoding-request": "gzip"},
    "attempts": {"grpc-previous-rpc-attempts": CANARY},
    "timeout": {"grpc-timeout": "1n"},
    "message": {"grpc-message": CANARY},
    "status": {"grpc-status": "13"},
    "retry pushback": {"grpc-retry-pushback-ms": "1"},
    "transfer encodings": {"te": CANARY},
    "headers of 17 KB": {"x-long": "a" * 17_000},
    "headers of 31 KB": {"x-long": "a" * 30_000},
}
HEALTH = "/fairdb.system.v1.SystemService/GetHealth"
ENCODING = f"grpc-encoding: {CANARY}\r\ncontent-length: 0\r\n\r\n"
RAW = {
    "unknown transfer encoding": ("POST /api/samples HTTP/1.1\r\nhost: a\r\ntransfer-encoding: x\r\n\r\n", 501),
    "connect": ("CONNECT example.org:443 HTTP/1.1\r\nhost: example.org:443\r\n\r\n", 404),
    "trace": ("TRACE /api/health HTTP/1.1\r\nhost: a\r\n\r\n", 404),
    "unknown encoding of gRPC": (
        f"POST {HEALTH} HTTP/1.1\r\nhost: a\r\ncontent-type: application/grpc\r\n{ENCODING}",
        200,
    ),
}


@pytest.fixture
async def account(platform: Platform) -> Account:
    return await platform.account(consented=True)


@pytest.mark.parametrize("name", HEADERS)
async def test_header_changes_no_answer(account: Account, name: str) -> None:
    headers = HEADERS[name]
    listed = await account.call("GET", "/api/samples?pageSize=1", headers=headers)
    assert listed.status_code == 200, listed.text
    missing = await account.call("GET", "/api/samples/0192f0c4-0000-7000-8000-000000000000", headers=headers)
    assert (missing.status_code, reason_of(missing)) == (404, "SAMPLE_NOT_FOUND")
    created = await account.call("POST", "/api/samples", {"organism": "soil metagenome"}, headers=headers)
    assert created.status_code == 201, created.text


@pytest.mark.parametrize("name", RAW)
async def test_unusual_request_gets_the_standard_error(platform: Platform, name: str) -> None:
    text, status = RAW[name]
    host, port = platform.constellation.addresses["envoy"].split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(text.encode())
    head = (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)).decode()
    headers = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:-2])
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    writer.close()
    await writer.wait_closed()
    assert int(head.split()[1]) == status, head
    assert CANARY not in head + body.decode()
    if status == 200:
        assert headers["grpc-status"] == "3"
        assert "grpc-encoding must be" in headers["grpc-message"]
    else:
        assert json.loads(body)["details"][0]["domain"] == "fairdatabase.org"
