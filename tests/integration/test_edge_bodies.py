"""Bodies and queries at the edge: strict JSON, only known fields, and errors that say what to correct."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.edge_rig import LOOPBACK, Edge, Issuer, assert_is_error

ISSUER = Issuer("first")
TOKEN = ISSUER.bearer()
JSON = TOKEN | {"content-type": "application/json"}
MALFORMED = (400, 3, "MALFORMED_REQUEST")

# The path, the body, and a part of the message.
REFUSED: dict[str, tuple[str, str, str]] = {
    "single quotes": ("samples", "{'organism': 'E. coli', 'Donor': 'd'}", "a name in double quotes must follow"),
    "names without quotes": ("samples", '{organism: "E. coli"}', "a name in double quotes must follow"),
    "trailing comma": ("samples", '{"organism": "E. coli",}', "a name in double quotes must follow at byte 24"),
    "trailing comma in a list": ("consents", '{"dataUse": [{}, ]}', "a value must follow"),
    "comment": ("samples", '{"organism": "E. coli" /* x */}', "a comma or } must follow"),
    "text behind the object": ("samples", "{} {}", "the end of the body must follow at byte 4"),
    "unfinished": ("samples", '{"organism": "E. coli"', "a comma or } must follow"),
    "unfinished string": ("samples", '{"organism": "E. co', "the end of a string must follow"),
    "line break in a string": ("samples", '{"organism": "E.\ncoli"}', "an escape sequence in place of a control"),
    "unknown escape": ("samples", '{"organism": "E\\x20"}', "a known escape sequence"),
    "leading zero": ("samples", '{"taxonId": 0562}', "the end of a number"),
    "plus sign": ("samples", '{"taxonId": +562}', "a value must follow"),
    "hexadecimal": ("samples", '{"taxonId": 0x10}', "the end of a number"),
    "list as a body": ("samples", "[]", "an object must follow"),
    "NaN": ("samples", '{"metadata": {"a": 1, "b": NaN}}', "The field metadata (entry 2) is NaN or Infinity"),
    "Infinity": ("samples", '{"metadata": {"a": -Infinity}}', "The field metadata (entry 1) is NaN or Infinity"),
    "name twice": ("samples", '{"organism": "a", "organism": "b"}', "The body has the same name twice"),
    "metadata twice": ("samples", '{"metadata": {"a": 1, "\\u0061": 2}}', "The field metadata has the same name twice"),
    "list for a text": ("samples", '{"organism": ["E. coli"]}', "The field organism must be one string, not a list"),
    "number for a text": ("samples", '{"organism": 5}', "The field organism must be a string"),
    "text for an object": ("samples", '{"metadata": "age"}', "The field metadata must be an object"),
    "list for an object": ("samples", '{"metadata": []}', "The field metadata must be an object"),
    "text for a number": ("samples", '{"taxonId": "many"}', "The field taxonId must be a number"),
    "object for a list": ("consents", '{"dataUse": {"id": "DUO:0000042"}}', "The field dataUse must be a list"),
    "text for a boolean": ("dataUse:match", '{"use": {"genetic": "x"}}', "The field use.genetic must be true or false"),
    "day for a time": ("consents", '{"expireTime": "2027-01-01"}', "expireTime must be a time such as 2027-01-31T12"),
    "unknown field": ("samples", '{"Subject": "d"}', "It accepts: collectionDate, metadata, organism, study, subject"),
    "unknown field of a list": (
        "consents",
        '{"dataUse": [{"id": "DUO:0000042"}, {"id": "DUO:0000042", "modifiers": []}]}',
        "The field dataUse.1 has a field that this call does not accept. It accepts: accounts,",
    ),
    "misspelt expiry": ("consents", '{"expiretime": "2027-01-01T00:00:00Z"}', "a field that this call does not accept"),
    "too deep": ("samples", '{"metadata": {"a": ' + "[" * 40 + "]" * 40 + "}}", "is nested too deeply"),
}


@pytest.mark.parametrize("name", REFUSED)
async def test_body_is_refused_with_what_is_wrong(edge: Edge, name: str) -> None:
    path, body, problem = REFUSED[name]
    answer = await edge.http.post(f"/api/{path}", headers=JSON, content=body.encode())
    assert_is_error(answer, *MALFORMED)
    assert problem in answer.json()["message"]


@pytest.mark.parametrize("size", [10, 40_000, 900_000])
@pytest.mark.parametrize("chunked", [False, True])
async def test_unknown_field_is_refused_whatever_the_size_and_framing(edge: Edge, size: int, *, chunked: bool) -> None:
    body = json.dumps({"metadata": {"notes": "x" * size}, "Subject": "d"}).encode()

    async def pieces() -> AsyncIterator[bytes]:
        for at in range(0, len(body), 10_000):
            yield body[at : at + 10_000]

    answer = await edge.http.post("/api/samples", headers=JSON, content=pieces() if chunked else body)
    assert_is_error(answer, *MALFORMED)
    assert "a field that this call does not accept" in answer.json()["message"]


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b"",
        b' {\r\n"organism"\t: "E. coli \\"x\\" \\u00e9 \x7f" }\n',
        '{"organism": "Ä 菌 😀", "metadata": {}}'.encode(),
        b'{"taxonId": "562", "collectionDate": null}',
        b'{"taxonId": 5.62e2, "metadata": {"a": [1, {"b": null}], "c": -0.5, "d": true, "": "x"}}',
    ],
)
async def test_strict_json_passes(edge: Edge, body: bytes) -> None:
    answer = await edge.http.post("/api/samples", headers=JSON, content=body)
    assert answer.status_code == 201, answer.text


NUMBERS = st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(metadata=st.dictionaries(st.text(), VALUES, max_size=5), is_ascii=st.booleans())
async def test_any_json_passes_as_metadata(edge: Edge, metadata: dict[str, Any], *, is_ascii: bool) -> None:
    body = json.dumps({"metadata": metadata}, ensure_ascii=is_ascii).encode()
    answer = await edge.http.post("/api/samples", headers=JSON, content=body)
    assert answer.status_code == 201, answer.text


async def test_unknown_query_parameter_is_refused_with_the_known_ones(edge: Edge) -> None:
    for query in ("limit=2", "pageSize=2&Filter=x", "page%53ize2=1"):
        answer = await edge.http.get(f"/api/samples?{query}", headers=TOKEN)
        assert_is_error(answer, *MALFORMED)
        assert "It accepts: filter, pageSize, pageToken, use." in answer.json()["message"]
    for query in (
        "pageSize=2",
        "page_size=2&filter=a+%3D+1",
        "use.purposes=USE_PURPOSE_HEALTH_RESEARCH",
        "p%61geSize=2",
    ):
        assert (await edge.http.get(f"/api/samples?{query}", headers=TOKEN)).status_code == 200, query


async def test_compressed_body_is_refused_by_name(edge: Edge) -> None:
    answer = await edge.http.post("/api/samples", headers=JSON | {"content-encoding": "gzip"}, content=b"\x1f\x8b")
    assert_is_error(answer, 415, 3, "MEDIA_TYPE_UNSUPPORTED")
    assert "without Content-Encoding" in answer.json()["message"]


async def test_http_1_0_is_served(edge: Edge) -> None:
    reader, writer = await asyncio.open_connection(LOOPBACK, edge.port)
    request = f"GET /api/samples/missing HTTP/1.0\r\nauthorization: {TOKEN['authorization']}\r\n\r\n"
    writer.write(request.encode())
    answer = (await asyncio.wait_for(reader.read(), 10)).decode()
    writer.close()
    assert answer.split(" ")[1] == "404"
    assert "SAMPLE_NOT_FOUND" in answer
