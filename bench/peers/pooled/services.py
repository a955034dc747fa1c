"""Calls between the pooled services: one client per process with keep-alive, and a service token on each call."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypeVar
from uuid import uuid4

import httpx
import jwt
from fastapi import Request
from pydantic import BaseModel

from bench.peers.settings import Settings
from bench.peers.tokens import Claims, Verifier, read_keys
from bench.peers.web import Refused

Answer = TypeVar("Answer", bound=BaseModel)
_TOKEN_SECONDS = 300
_TIMEOUT = 5.0
# More connections would make httpx slower: each call iterates over all connections of the pool.
_LIMITS = httpx.Limits(max_connections=16, max_keepalive_connections=16)
_JSON = {"content-type": "application/json"}
ISSUER = "bench"


class ServiceError(Exception):
    """A call to another service failed."""


class Services:
    """Calls other services with this service's token."""

    def __init__(self, settings: Settings, name: str, client: httpx.AsyncClient) -> None:
        self._urls, self._name, self._client = settings.urls, name, client
        self._key = settings.signing_key_file.read_text()
        self._key_id = read_keys(settings.trust_dir, ISSUER)[0]["kid"]
        self._token, self._renew_at = "", 0.0

    async def get(self, service: str, path: str, answer: type[Answer], request: Request, **query: str) -> Answer:
        """Call another service and return its answer."""
        url = f"{self._urls[service]}{path}"
        return self._read(await self._client.get(url, params=query, headers=self._headers(request)), answer)

    async def post(self, service: str, path: str, body: BaseModel, answer: type[Answer], request: Request) -> Answer:
        """Call another service with a body and return its answer."""
        headers = {**self._headers(request), **_JSON}
        content = body.model_dump_json(by_alias=True)
        return self._read(
            await self._client.post(f"{self._urls[service]}{path}", content=content, headers=headers), answer
        )

    def _headers(self, request: Request) -> dict[str, str]:
        now = time.time()
        if now >= self._renew_at:
            claims = {"iss": ISSUER, "aud": ISSUER, "sub": self._name, "jti": str(uuid4()), "iat": int(now)}
            claims["exp"] = int(now) + _TOKEN_SECONDS
            self._token = jwt.encode(claims, self._key, "EdDSA", headers={"kid": self._key_id})
            self._renew_at = now + _TOKEN_SECONDS - 60
        return {"x-service-token": self._token, "x-correlation-id": request.state.correlation_id}

    @staticmethod
    def _read(response: httpx.Response, answer: type[Answer]) -> Answer:
        if response.is_client_error:
            # Pass the callee's refusal on to the client.
            raise Refused(response.status_code, response.content)
        if not response.is_success:
            raise ServiceError(f"{response.request.url.path}: {response.status_code}")
        return answer.model_validate_json(response.content)


@asynccontextmanager
async def open_services(settings: Settings, name: str) -> AsyncIterator[Services]:
    """Yield the client of this process."""
    async with httpx.AsyncClient(limits=_LIMITS, timeout=_TIMEOUT, trust_env=False) as client:
        yield Services(settings, name, client)


class ServiceTokens:
    """Authenticates calling services."""

    def __init__(self, settings: Settings) -> None:
        self._verifier = Verifier(settings.trust_dir, ISSUER, ISSUER, _name)

    def check(self, request: Request) -> None:
        """Raise Unauthenticated unless the caller is a service."""
        self._verifier.verify(request.headers.get("x-service-token", ""))


def _name(claims: Claims) -> str:
    return claims["sub"]
