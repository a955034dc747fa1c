"""Bad input: the right status and error, nothing stored, and no value quoted back."""

import json
from dataclasses import dataclass, field
from typing import Any

import grpc
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from chassis.identity.keys import ACCOUNT_AUDIENCE
from chassis.identity.tokens import Signer
from fairdb.samples.v1.sample_service_pb2 import GetSampleRequest
from fairdb.samples.v1.sample_service_pb2_grpc import SampleServiceStub
from tests.error_answers import assert_error
from tests.platform import Platform

SECRET = "Zebulon-Quartzfeather"


@dataclass(frozen=True)
class Case:
    """A bad request and the expected error."""

    status: int
    reason: str
    method: str = "POST"
    path: str = "/api/samples"
    body: Any = None
    content: str | None = None
    fields: frozenset[str] = field(default_factory=frozenset)


def sample(**fields: Any) -> dict[str, Any]:
    return {"organism": "E. coli", **fields}


CASES = {
    "not JSON": Case(400, "MALFORMED_REQUEST", content=f'{{"organism": {SECRET}'),
    "not an object": Case(400, "MALFORMED_REQUEST", body=[SECRET]),
    "wrong type": Case(400, "MALFORMED_REQUEST", body=sample(taxonId=SECRET)),
    "donor under a misspelt name": Case(400, "MALFORMED_REQUEST", body=sample(Subject=SECRET)),
    "unknown field": Case(400, "MALFORMED_REQUEST", body={SECRET: 1, "organism": "E. coli"}),
    "unknown field after text that looks like the end of an object": Case(
        400, "MALFORMED_REQUEST", body=sample(metadata={"notes": '\\"}', "n": [{"a": 1}]}, age=34)
    ),
    "consent with a misspelt field": Case(
        400, "MALFORMED_REQUEST", path="/api/consents", body={"purpose": "sample_creation", "datause": []}
    ),
    "unknown query parameter": Case(400, "MALFORMED_REQUEST", "GET", f"/api/samples?{SECRET}={SECRET}"),
    "empty organism": Case(400, "INVALID_REQUEST", body={"organism": ""}, fields=frozenset({"sample.organism"})),
    "no organism": Case(400, "INVALID_REQUEST", body={}, fields=frozenset({"sample.organism"})),
    "every violation at once": Case(
        400,
        "INVALID_REQUEST",
        body={
            "organism": " ",
            "taxonId": -1,
            "study": SECRET,
            "metadata": {"age": SECRET, "subject": {"nested": SECRET}},
        },
        fields=frozenset(
            {
                "sample.organism",
                "sample.taxonId",
                "sample.study",
                "sample.metadata.subject_id",
            }
        ),
    ),
    "name of a person as organism": Case(
        400, "INVALID_REQUEST", body={"organism": "Zebulon Quartzfeather"}, fields=frozenset({"sample.organism"})
    ),
    "2 MB body": Case(413, "REQUEST_TOO_LARGE", body=sample(metadata={"description": "x" * 2_000_000})),
    "study is not an id": Case(400, "INVALID_REQUEST", body=sample(study=SECRET), fields=frozenset({"sample.study"})),
    "unknown study": Case(404, "STUDY_NOT_FOUND", body=sample(study="0192f0c4-0000-7000-8000-000000000000")),
    "id is not a UUID": Case(400, "INVALID_REQUEST", "GET", f"/api/samples/{SECRET}", fields=frozenset({"id"})),
    "unknown id": Case(404, "SAMPLE_NOT_FOUND", "GET", "/api/samples/0192f0c4-0000-7000-8000-000000000000"),
    "id with an escaped slash": Case(400, "MALFORMED_REQUEST", "GET", f"/api/samples/a%2F{SECRET}"),
    "unknown path": Case(404, "ROUTE_NOT_FOUND", "GET", f"/api/{SECRET}"),
    "wrong verb": Case(404, "ROUTE_NOT_FOUND", "PUT", "/api/samples"),
    "bad filter": Case(
        400, "FILTER_INVALID", "GET", f"/api/samples?filter={SECRET} LIKE 3", fields=frozenset({"filter"})
    ),
    "unknown field in filter": Case(
        400, "FILTER_INVALID", "GET", f'/api/samples?filter={SECRET} = "x"', fields=frozenset({"filter"})
    ),
    "text is not UTF-8": Case(400, "MALFORMED_REQUEST", "GET", f"/api/samples?filter={SECRET}%ff"),
    "NUL character": Case(
        400,
        "INVALID_REQUEST",
        path="/api/auth/login",
        body={"email": f"{SECRET}\0", "password": "\0"},
        fields=frozenset({"email", "password"}),
    ),
    "bad page token": Case(400, "PAGE_TOKEN_INVALID", "GET", f"/api/samples?pageToken={SECRET}"),
    "page too large": Case(400, "INVALID_REQUEST", "GET", "/api/samples?pageSize=1000", fields=frozenset({"pageSize"})),
    "consent of a donor with a blank name": Case(
        400,
        "INVALID_REQUEST",
        path="/api/consents",
        body={"purpose": "sample_creation", "subject": " \u200b "},
        fields=frozenset({"subject"}),
    ),
    "consent to an unknown purpose": Case(
        400, "INVALID_REQUEST", path="/api/consents", body={"purpose": SECRET}, fields=frozenset({"purpose"})
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
async def test_bad_request_gets_its_error_and_stores_nothing(platform: Platform, case: Case) -> None:
    researcher = await platform.account(consented=True)
    body = case.content if case.content is not None else json.dumps(case.body)
    headers = {**researcher.headers, "Content-Type": "application/json"}

    answer = await platform.http.request(
        case.method, case.path, headers=headers, content=None if case.method == "GET" else body
    )

    assert_error(answer, case.status, case.reason, case.fields)
    assert SECRET.lower() not in answer.text.lower()
    mine = await researcher.call("GET", "/api/samples", params={"filter": f'owner = "{researcher.id}"'})
    assert mine.json()["samples"] == []


async def test_invalid_tokens_are_refused(platform: Platform) -> None:
    account = await platform.account()
    claims = jwt.decode(account.token, options={"verify_signature": False})
    auth = platform.signer("auth_svc")
    foreign = Signer("auth_svc", Ed25519PrivateKey.generate())
    mine = {name: claims[name] for name in ("sub", "sid", "roles")}
    tokens = {
        "none": "",
        "garbage": f"Bearer {SECRET}",
        "another scheme": f"Basic {SECRET}",
        "expired": f"Bearer {auth.sign(ACCOUNT_AUDIENCE, -60, mine)}",
        "signed with an unknown key": f"Bearer {foreign.sign(ACCOUNT_AUDIENCE, 60, mine)}",
        "for another audience": f"Bearer {auth.sign('elsewhere', 60, mine)}",
        "token of a service": f"Bearer {platform.signer('gateway').sign(ACCOUNT_AUDIENCE, 60, mine)}",
        "unsigned": f"Bearer {jwt.encode({**claims, 'exp': claims['exp']}, key='', algorithm='none')}",
    }
    for kind, token in tokens.items():
        answer = await platform.http.get("/api/samples", headers={"Authorization": token} if token else {})
        assert answer.status_code == 401, kind
        assert_error(answer, 401, "UNAUTHENTICATED")
        assert SECRET not in answer.text


async def test_services_verify_tokens_themselves(platform: Platform) -> None:
    """A call that bypasses the edge is refused too: services do not rely on the edge."""
    researcher = await platform.account(consented=True)
    sample = await researcher.create()
    forged = Signer("auth_svc", Ed25519PrivateKey.generate()).sign(
        ACCOUNT_AUDIENCE, 60, {"sub": researcher.id, "roles": ["ROLE_STEWARD"]}
    )
    async with platform.constellation.channel("gateway") as channel:
        for metadata in ([], [("authorization", f"Bearer {forged}")]):
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await SampleServiceStub(channel).GetSample(GetSampleRequest(id=sample["id"]), metadata=metadata)
            assert refused.value.code() == grpc.StatusCode.UNAUTHENTICATED


async def test_idempotency_key_for_another_request_is_a_conflict(platform: Platform) -> None:
    researcher = await platform.account(consented=True)
    headers = {"Idempotency-Key": "the same"}

    first = await researcher.call("POST", "/api/samples", {"organism": "E. coli"}, headers=headers)
    repeat = await researcher.call("POST", "/api/samples", {"organism": "E. coli"}, headers=headers)
    other = await researcher.call("POST", "/api/samples", {"organism": "Homo sapiens"}, headers=headers)
    disagreeing = await researcher.call("POST", "/api/samples?requestId=x", {"organism": "E. coli"}, headers=headers)

    assert first.status_code == repeat.status_code == 201
    assert first.json()["id"] == repeat.json()["id"]
    assert_error(other, 409, "IDEMPOTENCY_KEY_REUSED")
    assert_error(disagreeing, 400, "INVALID_REQUEST", {"requestId"})


async def test_error_for_a_misspelt_field_lists_the_known_fields(platform: Platform) -> None:
    researcher = await platform.account(consented=True)
    answer = await researcher.call("POST", "/api/samples", {"organism": "E. coli", "Subject": "donor 7"})
    assert_error(answer, 400, "MALFORMED_REQUEST")
    assert "It accepts: collectionDate, metadata, organism, study, subject, taxonId." in answer.json()["message"]


async def test_snake_case_fields_and_unknown_metadata_are_accepted(platform: Platform) -> None:
    researcher = await platform.account(consented=True)
    body = {"organism": "E. coli", "taxon_id": 562, "metadata": {"organism ": "x", "shoe": 1}}
    answer = await researcher.call("POST", "/api/samples", body)
    assert answer.status_code == 201, answer.text
    assert answer.json()["taxonId"] == 562
