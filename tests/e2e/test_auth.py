"""Accounts, sessions, tokens and revocation, through the edge."""

import asyncio
import base64
import json

import grpc
import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from redis.asyncio import Redis

from chassis.identity.keys import CLOCK_SKEW_SECONDS
from chassis.identity.revocation import COMPLETE_KEY, revoked_key
from chassis.identity.tokens import Signer
from fairdatabase.client import Session
from fairdb.backend.v1.backend_service_pb2 import GetStoredSampleRequest
from fairdb.backend.v1.backend_service_pb2_grpc import BackendServiceStub
from tests.error_answers import reason_of
from tests.platform import PASSWORD, Account, Platform
from tests.waiting import eventually

NOBODYS_SAMPLE = GetStoredSampleRequest(id="0192f0c4-0000-7000-8000-000000000000")


async def wait_until_refused(account: Account, path: str = "/api/samples", *, within: float = 5) -> None:
    """Wait until the account's access token is refused with 401."""

    async def is_refused() -> bool:
        return (await account.call("GET", path)).status_code == 401

    await eventually(is_refused, within=within)


async def refresh(platform: Platform, token: str) -> httpx.Response:
    return await platform.http.post("/api/auth/refresh", json={"refreshToken": token})


async def test_email_address_is_unique_regardless_of_case(platform: Platform) -> None:
    account = await platform.register()
    answer = await platform.http.post("/api/auth/register", json={"email": account.email.upper(), "password": PASSWORD})
    assert (answer.status_code, reason_of(answer)) == (409, "EMAIL_TAKEN")


async def test_wrong_password_and_unknown_address_get_the_same_answer(platform: Platform) -> None:
    account = await platform.register()
    wrong = await platform.http.post("/api/auth/login", json={"email": account.email, "password": "not this one"})
    unknown = await platform.http.post("/api/auth/login", json={"email": "no@example.org", "password": "not this one"})
    assert wrong.status_code == unknown.status_code == 401
    assert wrong.json() == unknown.json()


async def test_refresh_rotates_and_reuse_ends_the_session(platform: Platform) -> None:
    account = await platform.register()

    first = await refresh(platform, account.refresh_token)
    reused = await refresh(platform, account.refresh_token)
    after = await refresh(platform, first.json()["refreshToken"])

    assert first.status_code == 200
    assert (reused.status_code, reason_of(reused)) == (401, "REFRESH_TOKEN_INVALID")
    assert after.status_code == 401
    await wait_until_refused(account)


async def test_logout_revokes_the_session_at_every_service(platform: Platform) -> None:
    account = await platform.register()
    assert (await account.call("GET", "/api/samples")).status_code == 200

    assert (await account.call("POST", "/api/auth/logout", {})).status_code == 200

    for path in ("/api/samples", "/api/consents", "/api/auth/me"):
        await wait_until_refused(account, path)
    assert (await refresh(platform, account.refresh_token)).status_code == 401


async def test_revocation_survives_the_loss_of_the_cache(platform: Platform) -> None:
    account = await platform.register()
    await account.call("POST", "/api/auth/logout", {})
    constellation = platform.constellation
    await constellation.kill("redis")
    try:
        await wait_until_refused(account, within=10)
    finally:
        await constellation.start("redis")
    await wait_until_refused(account, within=10)


async def test_public_keys_are_published(platform: Platform) -> None:
    keys = (await platform.http.get("/.well-known/jwks.json")).json()["keys"]
    assert {(key["kty"], key["crv"], key["alg"]) for key in keys} == {("OKP", "Ed25519", "EdDSA")}
    header = json.loads(base64.urlsafe_b64decode((await platform.register()).token.split(".")[0] + "=="))
    assert header["kid"] in {key["kid"] for key in keys}


@pytest.mark.parametrize("service", ["gateway", "auth_svc", "privacy_svc"])
async def test_only_declared_services_may_call(platform: Platform, service: str) -> None:
    async with platform.constellation.channel("backend_svc", service) as channel:
        call = BackendServiceStub(channel).GetStoredSample(
            NOBODYS_SAMPLE,
            metadata=platform.service_metadata(service, "backend_svc"),
        )
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await call
    expected = grpc.StatusCode.NOT_FOUND if service == "gateway" else grpc.StatusCode.PERMISSION_DENIED
    assert refused.value.code() == expected


async def test_service_token_with_wrong_audience_key_issuer_or_expiry_is_refused(platform: Platform) -> None:
    forged = Signer("gateway", Ed25519PrivateKey.generate()).sign("backend_svc", 300, {"sub": "gateway"})
    as_other = platform.signer("privacy_svc")
    as_other.issuer = "gateway"
    tokens = [
        platform.service_metadata("gateway", "privacy_svc")[0][1],
        forged,
        as_other.sign("backend_svc", 300, {"sub": "gateway"}),
        platform.signer("gateway").sign("backend_svc", -CLOCK_SKEW_SECONDS - 1, {"sub": "gateway"}),
    ]
    async with platform.constellation.channel("backend_svc", "gateway") as channel:
        for token in tokens:
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await BackendServiceStub(channel).GetStoredSample(NOBODYS_SAMPLE, metadata=[("x-service-token", token)])
            assert refused.value.code() == grpc.StatusCode.UNAUTHENTICATED


async def test_call_without_the_required_role_is_denied(platform: Platform) -> None:
    researcher = await platform.register()
    answers = [
        await researcher.call("GET", "/api/services"),
        await researcher.call("POST", f"/api/accounts/{researcher.id}:setRoles", {"roles": ["ROLE_ADMIN"]}),
    ]
    assert [(answer.status_code, reason_of(answer)) for answer in answers] == [(403, "ACCESS_DENIED")] * 2


async def test_administrator_grants_the_role_of_a_steward(platform: Platform) -> None:
    admin, account = await platform.admin(), await platform.register()
    sample = await (await platform.account(consented=True)).create()
    assert (await account.call("GET", f"/api/samples/{sample['id']}/audit")).status_code == 404

    answer = await admin.call("POST", f"/api/accounts/{account.id}:setRoles", {"roles": ["ROLE_STEWARD"]})

    assert answer.status_code == 200
    steward = await platform.log_in(account.email)
    assert (await steward.call("GET", "/api/auth/me")).json()["roles"] == ["ROLE_STEWARD"]
    assert (await steward.call("GET", f"/api/samples/{sample['id']}/audit")).status_code == 200


async def test_account_that_loses_a_role_is_logged_out(platform: Platform) -> None:
    admin, other = await platform.admin(), await platform.admin()
    path = f"/api/accounts/{other.id}:setRoles"

    assert (await admin.call("POST", path, {"roles": ["ROLE_RESEARCHER"]})).status_code == 200

    await wait_until_refused(other, "/api/services")
    assert (await refresh(platform, other.refresh_token)).status_code == 401


async def test_revocation_survives_a_cache_restored_from_an_old_snapshot(platform: Platform) -> None:
    """The snapshot has the marker that its list is complete, but not the newer revocation."""
    account = await platform.register()
    await account.call("POST", "/api/auth/logout", {})
    constellation = platform.constellation
    await constellation.kill("redis")
    await constellation.start("redis")
    async with Redis.from_url(constellation.plan.redis_admin_url) as redis:
        await redis.set(COMPLETE_KEY, b"1")
        session = jwt.decode(account.token, options={"verify_signature": False})["sid"]
        await eventually(lambda: redis.exists(revoked_key(session)), within=10)
    await wait_until_refused(account)


async def test_threads_of_a_session_share_one_renewal(platform: Platform) -> None:
    account = await platform.register()
    with Session(platform.constellation.edge_url) as session:
        session.log_in(account.email, PASSWORD)
        session._access_token = "expired"
        answers = await asyncio.gather(*(asyncio.to_thread(session.call, "GET", "/api/auth/me") for _ in range(8)))
    assert [answer["id"] for answer in answers] == [account.id] * 8


async def test_admin_revokes_a_token_by_its_id(platform: Platform) -> None:
    admin, account = await platform.admin(), await platform.register()
    payload = json.loads(base64.urlsafe_b64decode(account.token.split(".")[1] + "=="))

    assert (await admin.call("POST", f"/api/auth/tokens/{payload['jti']}:revoke", {})).status_code == 200

    await wait_until_refused(account)
    assert reason_of(await account.call("GET", "/api/samples")) == "TOKEN_REVOKED"
