"""Tokens: their issuer, audience and lifetime."""

import json
import time
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from chassis.errors import Unauthenticated
from chassis.identity.certificates import Peer
from chassis.identity.keys import ACCOUNT_AUDIENCE, ACCOUNT_TOKEN_SECONDS, CLOCK_SKEW_SECONDS, SERVICE_TOKEN_SECONDS
from chassis.identity.tokens import ServiceTokens, Signer, TrustStore, Verifier


@pytest.fixture
def signers(tmp_path: Path) -> dict[str, Signer]:
    signers = {name: Signer(name, Ed25519PrivateKey.generate()) for name in ("auth_svc", "gateway", "privacy_svc")}
    for name, signer in signers.items():
        (tmp_path / f"{name}.jwks.json").write_text(json.dumps({"keys": [signer.jwk]}))
    return signers


@pytest.fixture
def verifier(tmp_path: Path, signers: dict[str, Signer]) -> Verifier:
    return Verifier("backend_svc", TrustStore(tmp_path))


def test_token_of_an_account_is_accepted(signers: dict[str, Signer], verifier: Verifier) -> None:
    claims = {"sub": "u1", "sid": "s1", "roles": ["ROLE_RESEARCHER"]}
    token = signers["auth_svc"].sign(ACCOUNT_AUDIENCE, 60, claims)
    caller = verifier.account(token)
    assert (caller.user_id, caller.session_id, caller.roles) == ("u1", "s1", frozenset({1}))
    assert verifier.account(token) is caller


def test_token_of_a_service_is_accepted_and_renewed(signers: dict[str, Signer], verifier: Verifier) -> None:
    tokens = ServiceTokens(signers["gateway"])
    assert verifier.service(tokens.token_for("backend_svc", "a"), Peer("gateway", "a")).service == "gateway"
    assert tokens.token_for("backend_svc", "a") == tokens.token_for("backend_svc", "a")
    assert tokens.token_for("backend_svc", "a") != tokens.token_for("privacy_svc", "a")


@pytest.mark.parametrize(
    ("bound_to", "presented_by"),
    [
        ("a", Peer("gateway", "b")),
        ("a", Peer("privacy_svc", "b")),
        ("a", Peer("privacy_svc", "a")),
        ("a", Peer("edge", "a")),
        (None, Peer("gateway", "a")),
    ],
    ids=["another certificate", "another service", "another name", "the edge", "not bound"],
)
def test_token_of_a_service_is_worthless_on_another_connection(
    bound_to: str | None, presented_by: Peer, signers: dict[str, Signer], verifier: Verifier
) -> None:
    token = ServiceTokens(signers["gateway"]).token_for("backend_svc", bound_to)
    if bound_to:
        verifier.service(token, Peer("gateway", bound_to))  # a verified token is remembered, with who presented it
    with pytest.raises(Unauthenticated):
        verifier.service(token, presented_by)


def test_token_of_a_service_follows_its_certificate(signers: dict[str, Signer], verifier: Verifier) -> None:
    tokens = ServiceTokens(signers["gateway"])
    first, second = tokens.token_for("backend_svc", "a"), tokens.token_for("backend_svc", "b")
    assert first != second
    assert verifier.service(second, Peer("gateway", "b")).service == "gateway"


@pytest.mark.parametrize(
    "kind", ["expired", "lives too long", "other audience", "other issuer's key", "unknown key", "service", "text"]
)
def test_invalid_token_is_refused(kind: str, signers: dict[str, Signer], verifier: Verifier) -> None:
    claims = {"sub": "u1", "roles": []}
    impostor = Signer("auth_svc", signers["gateway"]._key)
    token = {
        "expired": signers["auth_svc"].sign(ACCOUNT_AUDIENCE, -CLOCK_SKEW_SECONDS - 1, claims),
        "lives too long": signers["auth_svc"].sign(ACCOUNT_AUDIENCE, ACCOUNT_TOKEN_SECONDS + 1, claims),
        "other audience": signers["auth_svc"].sign("elsewhere", 60, claims),
        "other issuer's key": impostor.sign(ACCOUNT_AUDIENCE, 60, claims),
        "unknown key": Signer("auth_svc", Ed25519PrivateKey.generate()).sign(ACCOUNT_AUDIENCE, 60, claims),
        "service": signers["gateway"].sign(ACCOUNT_AUDIENCE, 60, claims),
        "text": "not.a.token",
    }[kind]
    with pytest.raises(Unauthenticated):
        verifier.account(token)


def test_cached_token_still_expires(
    signers: dict[str, Signer], verifier: Verifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = signers["auth_svc"].sign(ACCOUNT_AUDIENCE, 60, {"sub": "u1", "roles": []})
    caller = verifier.account(token)
    monkeypatch.setattr("chassis.identity.tokens.time.time", lambda: caller.token_expires)
    with pytest.raises(Unauthenticated):
        verifier.account(token)


def test_token_of_a_service_is_not_one_of_an_account(signers: dict[str, Signer], verifier: Verifier) -> None:
    token = signers["gateway"].sign("backend_svc", 60, {"sub": "gateway"})
    verifier.service(token, None)
    with pytest.raises(Unauthenticated):
        verifier.account(token)


@pytest.mark.parametrize("lifetime", [SERVICE_TOKEN_SECONDS + 1, 3600, 1_000_000])
def test_token_of_a_service_that_lives_too_long_is_refused(
    lifetime: int, signers: dict[str, Signer], verifier: Verifier
) -> None:
    token = signers["gateway"].sign("backend_svc", lifetime, {"sub": "gateway"})
    with pytest.raises(Unauthenticated):
        verifier.service(token, None)


@pytest.mark.parametrize("ahead", [-CLOCK_SKEW_SECONDS, -5, 1, 5, CLOCK_SKEW_SECONDS])
def test_clocks_of_issuer_and_verifier_may_differ(
    ahead: int, signers: dict[str, Signer], verifier: Verifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.time()
    with monkeypatch.context() as issuer:
        issuer.setattr("chassis.identity.tokens.time.time", lambda: now + ahead)
        token = signers["gateway"].sign("backend_svc", SERVICE_TOKEN_SECONDS, {"sub": "gateway"})
    assert verifier.service(token, None).service == "gateway"


def test_token_from_the_future_is_refused(
    signers: dict[str, Signer], verifier: Verifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.time()
    with monkeypatch.context() as issuer:
        issuer.setattr("chassis.identity.tokens.time.time", lambda: now + CLOCK_SKEW_SECONDS + 2)
        token = signers["gateway"].sign("backend_svc", SERVICE_TOKEN_SECONDS, {"sub": "gateway"})
    with pytest.raises(Unauthenticated):
        verifier.service(token, None)
