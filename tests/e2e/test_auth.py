"""Accounts, sessions, tokens, over the edge."""

import asyncio
import base64
import json

import grpc
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from redis.asyncio import Redis

from chassis.identity.revocation import COMPLETE_KEY, revoked_key
from chassis.identity.tokens import Signer
from fairdatabase.client import Session
from fairdb.backend.v1.backend_service_pb2 import GetStoredSampleRequest
from fairdb.backend.v1.backend_service_pb2_grpc import BackendServiceStub
from tests.platform import PASSWORD, Platform
from tests.waiting import eventually


def reason_of(answer) -> str:
    return next(item["reason"] for item in answer.json()["details"] if item["@type"].endswith("ErrorInfo"))


async def test_address_is_unique_whatever_its_case(platform: Platform) -> None:
    account = await platform.account()
    answer = await platform.http.post("/api/auth/register", json={"email": account.email.upper(), "password": PASSWORD})
    assert (answer.status_code, reason_of(answer)) == (409, "EMAIL_TAKEN")


async def test_wrong_password_and_unknown_address_answer_alike(platform: Platform) -> None:
    account = await platform.account()
    wrong = await platform.http.post("/api/auth/login", json={"email": account.email, "password": "not this one"})
    unknown = await platform.http.post("/api/auth/login", json={"email": "no@example.org", "password": "not this one"})
    assert wrong.status_code == unknown.status_code == 401
    assert wrong.json() == unknown.json()


async def test_refresh_rotates_and_reuse_ends_the_session(platform: Platform) -> None:
    account = await platform.account()

    async def refresh(token: str):
        return await platform.http.post("/api/auth/refresh", json={"refreshToken": token})

    first = await refresh(account.refresh_token)
    reused = await refresh(account.refresh_token)
    after = await refresh(first.json()["refreshToken"])

    assert first.status_code == 200
    assert (reused.status_code, reason_of(reused)) == (401, "REFRESH_TOKEN_INVALID")
    assert after.status_code == 401

    async def access_token_is_refused() -> bool:
        return (await account.call("GET", "/api/samples")).status_code == 401

    await eventually(access_token_is_refused, within=5)


async def test_logout_revokes_everywhere(platform: Platform) -> None:
    account = await platform.account()
    assert (await account.call("GET", "/api/samples")).status_code == 200

    assert (await account.call("POST", "/api/auth/logout", {})).status_code == 200

    async def refused_by_all() -> bool:
        paths = ("/api/samples", "/api/consents", "/api/auth/me")
        return {(await account.call("GET", path)).status_code for path in paths} == {401}

    await eventually(refused_by_all, within=5)
    refreshed = await platform.http.post("/api/auth/refresh", json={"refreshToken": account.refresh_token})
    assert refreshed.status_code == 401


async def test_revocation_outlives_the_cache(platform: Platform) -> None:
    account = await platform.account()
    await account.call("POST", "/api/auth/logout", {})
    constellation = platform.constellation
    await constellation.kill("redis")

    async def refused() -> bool:
        return (await account.call("GET", "/api/samples")).status_code == 401

    try:
        await eventually(refused, within=10)
    finally:
        await constellation.start("redis")
    await eventually(refused, within=10)


async def test_keys_are_published(platform: Platform) -> None:
    keys = (await platform.http.get("/.well-known/jwks.json")).json()["keys"]
    assert {(key["kty"], key["crv"], key["alg"]) for key in keys} == {("OKP", "Ed25519", "EdDSA")}
    header = json.loads(base64.urlsafe_b64decode((await platform.account()).token.split(".")[0] + "=="))
    assert header["kid"] in {key["kid"] for key in keys}


@pytest.mark.parametrize("service", ["gateway", "auth_svc", "privacy_svc"])
async def test_only_those_declared_may_call_a_service(platform: Platform, service: str) -> None:
    async with grpc.aio.insecure_channel(platform.constellation.addresses["backend_svc"]) as channel:
        call = BackendServiceStub(channel).GetStoredSample(
            GetStoredSampleRequest(id="0192f0c4-0000-7000-8000-000000000000"),
            metadata=platform.service_metadata(service, "backend_svc"),
        )
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await call
    expected = grpc.StatusCode.NOT_FOUND if service == "gateway" else grpc.StatusCode.PERMISSION_DENIED
    assert refused.value.code() == expected


async def test_service_token_for_another_callee_or_by_another_key_is_refused(platform: Platform) -> None:
    forged = Signer("gateway", Ed25519PrivateKey.generate()).sign("backend_svc", 300, {"sub": "gateway"})
    as_other = platform.signer("privacy_svc")
    as_other.issuer = "gateway"
    tokens = [
        platform.service_metadata("gateway", "privacy_svc")[0][1],
        forged,
        as_other.sign("backend_svc", 300, {"sub": "gateway"}),
        platform.signer("gateway").sign("backend_svc", -10, {"sub": "gateway"}),
    ]
    async with grpc.aio.insecure_channel(platform.constellation.addresses["backend_svc"]) as channel:
        for token in tokens:
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await BackendServiceStub(channel).GetStoredSample(
                    GetStoredSampleRequest(id="0192f0c4-0000-7000-8000-000000000000"),
                    metadata=[("x-service-token", token)],
                )
            assert refused.value.code() == grpc.StatusCode.UNAUTHENTICATED


async def test_an_account_cannot_do_what_its_roles_do_not_say(platform: Platform) -> None:
    researcher = await platform.account()
    answers = [
        await researcher.call("GET", "/api/services"),
        await researcher.call("POST", f"/api/accounts/{researcher.id}:setRoles", {"roles": ["ROLE_ADMIN"]}),
    ]
    assert [(answer.status_code, reason_of(answer)) for answer in answers] == [(403, "ACCESS_DENIED")] * 2


async def test_whoever_loses_a_role_is_logged_out(platform: Platform) -> None:
    admin, other = await platform.admin(), await platform.admin()
    path = f"/api/accounts/{other.id}:setRoles"

    assert (await admin.call("POST", path, {"roles": ["ROLE_RESEARCHER"]})).status_code == 200

    async def refused() -> bool:
        return (await other.call("GET", "/api/services")).status_code == 401

    await eventually(refused, within=5)
    refreshed = await platform.http.post("/api/auth/refresh", json={"refreshToken": other.refresh_token})
    assert refreshed.status_code == 401


async def test_revocation_outlives_a_cache_that_comes_back_with_an_old_list(platform: Platform) -> None:
    """As from a snapshot: the mark that the list is complete is there, a newer revocation is not."""
    account = await platform.account()
    await account.call("POST", "/api/auth/logout", {})
    constellation = platform.constellation
    await constellation.kill("redis")
    await constellation.start("redis")
    async with Redis.from_url(constellation.env_of("auth_svc")["FAIRDB_REDIS_URL"]) as redis:
        await redis.set(COMPLETE_KEY, b"1")
        session = jwt.decode(account.token, options={"verify_signature": False})["sid"]
        await eventually(lambda: redis.exists(revoked_key(session)), within=10)

    async def refused() -> bool:
        return (await account.call("GET", "/api/samples")).status_code == 401

    await eventually(refused, within=5)


async def test_a_session_is_renewed_once_for_all_its_threads(platform: Platform) -> None:
    account = await platform.account()
    with Session(platform.constellation.edge_url) as session:
        session.log_in(account.email, PASSWORD)
        session._access_token = "expired"
        answers = await asyncio.gather(*(asyncio.to_thread(session.call, "GET", "/api/auth/me") for _ in range(8)))
    assert [answer["id"] for answer in answers] == [account.id] * 8


async def test_admin_revokes_a_token_by_its_id(platform: Platform) -> None:
    admin, account = await platform.admin(), await platform.account()
    payload = json.loads(base64.urlsafe_b64decode(account.token.split(".")[1] + "=="))

    assert (await admin.call("POST", f"/api/auth/tokens/{payload['jti']}:revoke", {})).status_code == 200

    async def refused() -> bool:
        answer = await account.call("GET", "/api/samples")
        return answer.status_code == 401 and reason_of(answer) == "TOKEN_REVOKED"

    await eventually(refused, within=5)
