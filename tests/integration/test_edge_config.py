"""The edge from its clients' side: what it rejects, passes on, and answers when a service is unavailable."""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import grpc
import httpx
import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.rpc.error_details_pb2 import ErrorInfo
from grpc_status import rpc_status

from chassis.identity.keys import CLOCK_SKEW_SECONDS
from edge.contract import ContractError, read_public_rpcs
from edge.settings import find_descriptors
from fairdb.backend.v1 import backend_service_pb2, backend_service_pb2_grpc
from fairdb.samples.v1 import sample_pb2, sample_service_pb2, sample_service_pb2_grpc
from tests.edge_rig import (
    LOOPBACK,
    Config,
    Edge,
    Issuer,
    Upstream,
    assert_is_error,
    edge_running,
)
from tests.error_answers import assert_has_correlation_id

CANARY = "Zaphod-Beeblebrox"
DESCRIPTORS = find_descriptors().read_bytes()
RPCS = read_public_rpcs(DESCRIPTORS)

ISSUER = Issuer("first")
STRANGER = Issuer("first")
TOKEN = ISSUER.bearer()
NO_TOKEN = {"authorization": ""}

INVALID, NOT_FOUND, EXHAUSTED, UNAVAILABLE, UNAUTHENTICATED = 3, 5, 8, 14, 16
MALFORMED = (400, INVALID, "MALFORMED_REQUEST")
UNTRUSTED = (401, UNAUTHENTICATED, "UNAUTHENTICATED")
NO_ROUTE = (404, NOT_FOUND, "ROUTE_NOT_FOUND")
TOO_LARGE = (413, EXHAUSTED, "REQUEST_TOO_LARGE")
HEADERS_TOO_LARGE = (431, EXHAUSTED, "REQUEST_TOO_LARGE")

# Each request contains the canary, to check that neither the answers nor the log repeat it.
REFUSED: dict[str, tuple[str, str, Config, tuple[int, int, str]]] = {
    "not JSON": ("POST", "/api/samples", {"content": f'{{"organism": {CANARY}'}, MALFORMED),
    "wrong type": ("POST", "/api/samples", {"json": {"taxonId": CANARY}}, MALFORMED),
    "unknown query parameter": ("GET", f"/api/samples?{CANARY}=1", {}, MALFORMED),
    "wrong type in the query": ("GET", f"/api/samples?pageSize={CANARY}", {}, MALFORMED),
    "token in the query": ("GET", f"/api/samples?access_token={ISSUER.token()}", {"headers": NO_TOKEN}, MALFORMED),
    "encoded slash in an id": ("GET", f"/api/samples/{CANARY}%2Fevents", {}, MALFORMED),
    "header with underscore": ("GET", "/api/samples", {"headers": {"a_b": CANARY}}, MALFORMED),
    "body of 2 MB": ("POST", "/api/samples", {"json": {"organism": CANARY * 120_000}}, TOO_LARGE),
    "headers of 40 KB": ("GET", "/api/samples", {"headers": {"x": CANARY * 2500}}, HEADERS_TOO_LARGE),
    "unknown path": ("GET", f"/api/{CANARY}", {}, NO_ROUTE),
    "unknown path, no token": ("GET", f"/api/{CANARY}", {"headers": NO_TOKEN}, NO_ROUTE),
    "wrong verb": ("DELETE", f"/api/samples?q={CANARY}", {}, NO_ROUTE),
    "gRPC path as JSON": ("POST", "/fairdb.samples.v1.SampleService/GetSample", {"json": {"id": CANARY}}, NO_ROUTE),
    "internal service": (
        "POST",
        "/fairdb.backend.v1.BackendService/GetStoredSample",
        {"json": {"id": CANARY}},
        NO_ROUTE,
    ),
    "no token": ("GET", f"/api/samples/{CANARY}", {"headers": NO_TOKEN}, UNTRUSTED),
    "no token, not JSON": ("POST", "/api/samples", {"headers": NO_TOKEN, "content": CANARY}, UNTRUSTED),
    "not a token": ("GET", "/api/samples", {"headers": {"authorization": f"Bearer {CANARY}"}}, UNTRUSTED),
    "expired token": (
        "GET",
        "/api/samples",
        {"headers": ISSUER.bearer(exp=int(time.time()) - CLOCK_SKEW_SECONDS - 1)},
        UNTRUSTED,
    ),
    "foreign token": ("GET", "/api/samples", {"headers": STRANGER.bearer(sub=CANARY)}, UNTRUSTED),
    "token for a service": ("GET", "/api/samples", {"headers": ISSUER.bearer(aud="backend_svc")}, UNTRUSTED),
    "token of a service": ("GET", "/api/samples", {"headers": ISSUER.bearer(iss="gateway")}, UNTRUSTED),
    "token without end": ("GET", "/api/samples", {"headers": ISSUER.bearer(exp=None)}, UNTRUSTED),
}


@asynccontextmanager
async def native(edge: Edge) -> AsyncIterator[grpc.aio.Channel]:
    """Yield a gRPC channel through the edge."""
    async with grpc.aio.insecure_channel(edge.address, options=[("grpc.max_receive_message_length", -1)]) as channel:
        yield channel


async def call(edge: Edge, name: str) -> httpx.Response:
    method, path, arguments, _ = REFUSED[name]
    return await edge.http.request(method, path, **{**arguments, "headers": {**TOKEN, **arguments.get("headers", {})}})


# --- rejected by the edge itself ---


@pytest.mark.parametrize("name", REFUSED)
async def test_rejection_has_the_standard_shape(edge: Edge, name: str) -> None:
    answer = await call(edge, name)
    assert_is_error(answer, *REFUSED[name][3])
    assert CANARY not in answer.text
    assert CANARY not in str(answer.headers)


async def test_log_contains_no_client_text(edge: Edge) -> None:
    for name in REFUSED:
        await edge.log_entry(assert_has_correlation_id(await call(edge, name)))
    headers = {"user-agent": CANARY, "referer": CANARY, "x-forwarded-for": CANARY, "x-correlation-id": CANARY}
    answer = await edge.http.get(f"/api/samples/{CANARY}", headers=TOKEN | headers)
    await edge.log_entry(assert_has_correlation_id(answer))
    async with native(edge) as channel:
        unknown = channel.unary_unary(f"/{CANARY}/{CANARY}")(b"", metadata=(("x-note", CANARY),))
        assert await unknown.code() == grpc.StatusCode.UNIMPLEMENTED
    assert CANARY not in edge.read_log()


async def test_log_has_the_fields_that_operators_need(edge: Edge) -> None:
    answer = await edge.http.get("/api/samples/missing", headers=TOKEN)
    entry = await edge.log_entry(assert_has_correlation_id(answer))
    assert entry.keys() == {
        "event", "time", "method", "route", "status", "grpc_status", "details", "flags", "duration_ms", "bytes_in",
        "bytes_out", "upstream", "correlation_id",
    }  # fmt: skip
    expected = {
        "method": "GET", "route": "SampleService.GetSample", "status": 404, "grpc_status": NOT_FOUND,
        "upstream": "gateway", "bytes_out": len(answer.content),
    }  # fmt: skip
    assert expected.items() <= entry.items()


@pytest.mark.parametrize(
    "request_text",
    [
        f"{CANARY}\r\n\r\n",
        f"{CANARY} /api/health HTTP/1.1\r\nhost: a\r\n\r\n",
        f"GET /api/{CANARY} HTTP/1.1\r\n\r\n",
        f"GET /api/{CANARY}%00 HTTP/1.1\r\nhost: a\r\n\r\n",
        f"GET /api/health HTTP/1.1\r\nhost: a\r\n{CANARY}\r\n\r\n",
        f"POST /api/samples HTTP/1.1\r\nhost: a\r\ncontent-length: {CANARY}\r\n\r\n",
    ],
    ids=["no request line", "unknown method", "no host", "zero byte", "no header", "bad length"],
)
async def test_malformed_http_has_the_standard_shape(edge: Edge, request_text: str) -> None:
    reader, writer = await asyncio.open_connection(LOOPBACK, edge.port)
    writer.write(request_text.encode())
    head = (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)).decode()
    headers = dict(line.split(": ", 1) for line in head.split("\r\n")[1:-2])
    body = await reader.readexactly(int(headers["content-length"]))
    writer.close()
    await writer.wait_closed()
    answer = httpx.Response(int(head.split()[1]), headers=headers, content=body)
    assert_is_error(answer, *MALFORMED)
    assert CANARY not in head + answer.text


# --- public calls and their services ---


async def test_only_declared_calls_need_no_token(edge: Edge) -> None:
    open_to_anyone = set()
    async with native(edge) as channel:
        for rpc in RPCS:
            code = await channel.unary_unary(rpc.path)(b"").code()
            if code != grpc.StatusCode.UNAUTHENTICATED:
                open_to_anyone.add(rpc.name)
    expected = {"Register", "Login", "Refresh", "GetJwks"}
    assert open_to_anyone == {f"AuthService.{name}" for name in expected} | {"SystemService.GetHealth"}


@pytest.mark.parametrize(
    ("path", "route", "cluster"),
    [
        ("/.well-known/jwks.json", "AuthService.GetJwks", "auth_svc"),
        ("/api/auth/me", "AuthService.GetMe", "auth_svc"),
        ("/api/consents", "ConsentService.ListConsents", "privacy_svc"),
        ("/api/notifications", "NotificationService.ListNotifications", "gateway"),
        ("/api/samples/a/events", "SampleService.ListSampleEvents", "gateway"),
        ("/api/services", "SystemService.ListServices", "gateway"),
    ],
)
async def test_each_path_goes_to_its_service(edge: Edge, path: str, route: str, cluster: str) -> None:
    entry = await edge.log_entry(assert_has_correlation_id(await edge.http.get(path, headers=TOKEN)))
    assert (entry["route"], entry["upstream"]) == (route, cluster)


async def test_path_with_custom_verb_is_routed(edge: Edge) -> None:
    answer = await edge.http.post(f"/api/consents/{uuid.uuid4()}:withdraw", headers=TOKEN, json={})
    entry = await edge.log_entry(assert_has_correlation_id(answer))
    assert entry["route"] == "ConsentService.WithdrawConsent"


@pytest.mark.parametrize("wrong", ["a public call without its access rule", "an internal call with a path"])
def test_protos_that_contradict_the_edge_raise(wrong: str) -> None:
    files = FileDescriptorSet.FromString(DESCRIPTORS)
    services = {f"{file.package}.{service.name}": service for file in files.file for service in file.service}
    public = services["fairdb.samples.v1.SampleService"].method[0]
    if wrong == "a public call without its access rule":
        public.options.Clear()
    else:
        services["fairdb.backend.v1.BackendService"].method[0].options.CopyFrom(public.options)
    with pytest.raises(ContractError):
        read_public_rpcs(files.SerializeToString())


# --- passed through ---


async def test_created_sample_has_status_location_and_etag(edge: Edge) -> None:
    answer = await edge.http.post("/api/samples", headers=TOKEN, json={"organism": "E. coli"})
    assert (answer.status_code, answer.json()["id"]) == (201, "new")
    assert answer.headers["location"] == "/api/samples/new"
    assert answer.headers["etag"] == '"7"'


@pytest.mark.parametrize("organism", ["E. coli", "stale", "bad"])
async def test_rest_answer_has_no_internal_header(edge: Edge, organism: str) -> None:
    answer = await edge.http.post("/api/samples", headers=TOKEN, json={"organism": organism})
    shown = answer.headers.keys() - {"etag", "location"}
    assert shown == {"content-type", "content-length", "date", "server", "x-correlation-id"}


@pytest.mark.parametrize(("organism", "status"), [("stale", 412), ("bad", 400), ("odd", 200)])
async def test_services_can_choose_only_listed_statuses(edge: Edge, organism: str, status: int) -> None:
    # The fake service sets 201 for "bad" although that call fails, and sets 204 for "odd". 204 is not listed, because
    # such an answer would need an empty body.
    answer = await edge.http.post("/api/samples", headers=TOKEN, json={"organism": organism})
    assert answer.status_code == status


async def test_critical_health_is_503_with_its_body(edge: Edge) -> None:
    answer = await edge.http.get("/api/health")
    assert (answer.status_code, answer.json()["status"]) == (503, "critical")


async def test_error_of_a_service_keeps_its_details(edge: Edge) -> None:
    assert_is_error(await edge.http.get("/api/samples/missing", headers=TOKEN), 404, NOT_FOUND, "SAMPLE_NOT_FOUND")


async def test_empty_fields_are_printed(edge: Edge) -> None:
    answer = await edge.http.get("/api/samples", headers=TOKEN)
    assert answer.json() == {"samples": [], "nextPageToken": ""}


@pytest.mark.parametrize("size", [40_000, 3_000_000, 4_190_000])
async def test_large_answer_passes(edge: Edge, size: int) -> None:
    answer = await edge.http.get(f"/api/samples?pageSize={size}", headers=TOKEN)
    assert answer.status_code == 200
    assert len(answer.json()["samples"][0]["organism"]) == size


async def test_request_below_the_limit_passes(edge: Edge) -> None:
    answer = await edge.http.post("/api/samples", headers=TOKEN, json={"organism": "x" * 1_000_000})
    assert answer.status_code == 201


async def test_plus_in_the_query_is_a_space(edge: Edge, upstream: Upstream) -> None:
    await edge.http.get("/api/samples?filter=organism+=+%22a%2Bb%22", headers=TOKEN)
    assert upstream.samples.filter == 'organism = "a+b"'


async def test_correlation_id_that_is_a_uuid_is_kept(edge: Edge, upstream: Upstream) -> None:
    given = str(uuid.uuid4())
    answer = await edge.http.get("/api/samples/a", headers=TOKEN | {"x-correlation-id": given.upper()})
    assert assert_has_correlation_id(answer) == given
    assert upstream.samples.metadata["x-correlation-id"] == given
    refused = await edge.http.get("/api/samples/a", headers={"x-correlation-id": given})
    assert (refused.status_code, assert_has_correlation_id(refused)) == (401, given)


@pytest.mark.parametrize("given", [{}, {"x-correlation-id": CANARY}, {"x-correlation-id": f"{uuid.uuid4()}{CANARY}"}])
async def test_other_correlation_id_is_replaced(edge: Edge, upstream: Upstream, given: dict[str, str]) -> None:
    client_chosen = str(uuid.uuid4())
    answer = await edge.http.get("/api/samples/a", headers=TOKEN | given | {"x-request-id": client_chosen})
    made = assert_has_correlation_id(answer)
    assert made != client_chosen
    assert made not in given.values()
    assert upstream.samples.metadata["x-correlation-id"] == made


async def test_client_cannot_set_internal_headers(edge: Edge, upstream: Upstream) -> None:
    traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    ours = (
        "x-service-token", "x-fairdb-principal", "x-http-code", "x-edge-native", "x-envoy-max-retries", "tracestate",
        "baggage", "x-envoy-upstream-rq-timeout-ms",
    )  # fmt: skip
    spoofed = dict.fromkeys(ours, f"1-{CANARY}") | {"traceparent": traceparent}
    answer = await edge.http.get("/api/samples/a?use.project=b", headers=TOKEN | spoofed)
    assert answer.status_code == 200
    received = upstream.samples.metadata
    assert not [name for name in received if name in ours or name.startswith("x-envoy-original")]
    assert CANARY not in str(received)
    assert received["traceparent"] == traceparent
    assert received["authorization"] == TOKEN["authorization"]


async def test_client_cannot_steer_envoy(edge: Edge) -> None:
    # If Envoy obeyed the header, the answer would be 504 after 20 ms.
    headers = TOKEN | {"x-envoy-upstream-rq-timeout-ms": "20"}
    with pytest.raises(httpx.ReadTimeout):
        await edge.http.get("/api/samples/slow", headers=headers, timeout=0.5)


async def test_upstream_receives_the_deadline(edge: Edge, upstream: Upstream) -> None:
    await edge.http.get("/api/samples/a", headers=TOKEN)
    assert 9 < upstream.samples.time_remaining <= 10
    await edge.http.post("/api/samples", headers=TOKEN, json={})
    assert 29 < upstream.samples.time_remaining <= 30


async def test_preflight_works_for_listed_origins_only(edge: Edge, upstream: Upstream, tmp_path: Path) -> None:
    origin = "https://portal.example.org"
    preflight = {"access-control-request-method": "POST", "access-control-request-headers": "authorization"}
    assert (await edge.http.options("/api/samples", headers=preflight | {"origin": origin})).status_code == 404
    async with edge_running(tmp_path, [upstream.address], [ISSUER.jwk()], edge_cors_origins=(origin,)) as permissive:
        answer = await permissive.http.options("/api/samples", headers=preflight | {"origin": origin})
        assert answer.status_code == 200
        assert answer.headers["access-control-allow-origin"] == origin
        assert "authorization" in answer.headers["access-control-allow-headers"]
        assert_has_correlation_id(answer)
        other = await permissive.http.options("/api/samples", headers=preflight | {"origin": "https://evil.example"})
        assert "access-control-allow-origin" not in other.headers
        for status, content in ((400, b"{'organism': 1}"), (400, b'{"Organism": 1}'), (201, b"{}")):
            answer = await permissive.http.post("/api/samples", headers=TOKEN | {"origin": origin}, content=content)
            assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (status, origin)
        refused = await permissive.http.get("/api/samples", headers={"origin": origin})
        assert (refused.status_code, refused.headers["access-control-allow-origin"]) == (401, origin)


# --- gRPC through the edge ---


async def test_grpc_call_passes_with_its_metadata(edge: Edge) -> None:
    async with native(edge) as channel:
        stub = sample_service_pb2_grpc.SampleServiceStub(channel)
        created = stub.CreateSample(sample_service_pb2.CreateSampleRequest(), metadata=tuple(TOKEN.items()))
        metadata = dict(await created.initial_metadata())
        assert (await created).id == "new"
        assert metadata["etag"] == '"7"'
        assert uuid.UUID(str(metadata["x-correlation-id"]))
        listing = sample_service_pb2.ListSamplesRequest(page_size=3_000_000)
        answer = await stub.ListSamples(listing, metadata=tuple(TOKEN.items()))
        assert len(answer.samples[0].organism) == 3_000_000


@pytest.mark.parametrize(
    ("call_name", "code", "reason"),
    [
        ("no token", grpc.StatusCode.UNAUTHENTICATED, "UNAUTHENTICATED"),
        ("token in the query", grpc.StatusCode.UNAUTHENTICATED, "UNAUTHENTICATED"),
        ("too large", grpc.StatusCode.RESOURCE_EXHAUSTED, "REQUEST_TOO_LARGE"),
        ("internal service", grpc.StatusCode.UNIMPLEMENTED, "ROUTE_NOT_FOUND"),
    ],
)
async def test_grpc_rejection_has_status_and_reason(
    edge: Edge, call_name: str, code: grpc.StatusCode, reason: str
) -> None:
    async with native(edge) as channel:
        samples = sample_service_pb2_grpc.SampleServiceStub(channel)
        token = tuple(TOKEN.items())
        if call_name == "no token":
            refused = samples.GetSample(sample_service_pb2.GetSampleRequest(id="a"))
        elif call_name == "token in the query":
            get = channel.unary_unary(f"/fairdb.samples.v1.SampleService/GetSample?access_token={ISSUER.token()}")
            refused = get(b"")
        elif call_name == "too large":
            raw = sample_pb2.RawSample(organism="x" * 2_000_000)
            refused = samples.CreateSample(sample_service_pb2.CreateSampleRequest(sample=raw), metadata=token)
        else:
            backend = backend_service_pb2_grpc.BackendServiceStub(channel)
            refused = backend.GetStoredSample(backend_service_pb2.GetStoredSampleRequest(), metadata=token)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await refused
    assert caught.value.code() == code
    assert (caught.value.details() or "").endswith(".")
    assert "www-authenticate" not in dict(caught.value.trailing_metadata())
    status = rpc_status.from_call(caught.value)  # pyright: ignore[reportArgumentType]
    assert status is not None
    info = ErrorInfo()
    assert status.details[0].Unpack(info)
    assert info.reason == reason
