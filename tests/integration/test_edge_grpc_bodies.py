"""Bodies of native gRPC calls: gRPC in Python leaves some unanswered, and answers others in words of its own."""

import struct

import httpx
import pytest

from fairdb.samples.v1.sample_service_pb2 import GetSampleRequest
from tests.edge_rig import Edge, Issuer

ISSUER = Issuer("key-1")
PATH = "/fairdb.samples.v1.SampleService/GetSample"
MESSAGE = GetSampleRequest(id="a").SerializeToString()


def framed(message: bytes, *, compressed: int = 0, length: int | None = None) -> bytes:
    return bytes([compressed]) + struct.pack(">I", len(message) if length is None else length) + message


async def post(edge: Edge, body: bytes, **headers: str) -> httpx.Response:
    native = {**ISSUER.bearer(), "content-type": "application/grpc", "te": "trailers", **headers}
    async with httpx.AsyncClient(base_url=f"http://{edge.address}", timeout=5) as client:
        return await client.post(PATH, content=body, headers=native)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        framed(MESSAGE)[:3],
        framed(MESSAGE)[:-1],
        framed(MESSAGE, compressed=1),
        framed(MESSAGE, length=5_000_000),
        framed(MESSAGE) + framed(MESSAGE),
    ],
    ids=["empty", "half a prefix", "truncated", "compressed", "too long", "two"],
)
async def test_body_that_is_not_one_message_is_refused_at_once(edge: Edge, body: bytes) -> None:
    answer = await post(edge, body)
    assert answer.headers["grpc-status"] == "3"
    assert "one%20gRPC%20message" in answer.headers["grpc-message"].replace(" ", "%20")
    assert "grpc-status-details-bin" in answer.headers
    assert await edge.stat("cluster.gateway.upstream_rq_active") == 0


async def test_one_message_is_passed_on(edge: Edge) -> None:
    assert "grpc-status" not in (await post(edge, framed(MESSAGE))).headers


async def test_compressed_messages_are_refused(edge: Edge) -> None:
    answer = await post(edge, framed(MESSAGE), **{"grpc-encoding": "gzip"})
    assert (answer.headers["grpc-status"], "grpc-status-details-bin" in answer.headers) == ("3", True)


async def test_content_type_that_only_resembles_grpc_gets_json(edge: Edge) -> None:
    answer = await post(edge, framed(MESSAGE), **{"content-type": "application/grpc;x"})
    assert answer.headers["content-type"] == "application/json"
