"""The pooled gateway: calls the other services, and removes fields that a reader may not see. It has no database."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

from fastapi import FastAPI, Request, Response

from bench.peers.bodies import SampleAnswer, SampleCreate, Stored
from bench.peers.pooled.bodies import (
    AnonymizeAnswer,
    AnonymizeRequest,
    ConsentAnswer,
    ConsentCheck,
    Found,
    Permissions,
    StoreRequest,
    User,
    VerifyRequest,
)
from bench.peers.pooled.services import Services, open_services
from bench.peers.settings import Settings
from bench.peers.storage import PURPOSE, ConsentRequired
from bench.peers.visibility import OWNERS_VIEW, render, view_from
from bench.peers.web import Forbidden, make_app


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Open the HTTP client."""
    async with open_services(Settings.from_environment(), "gateway") as services:
        app.state.services = services
        yield


app = make_app("gateway", lifespan)


@app.post("/api/samples", status_code=201)
async def create_sample(data: SampleCreate, request: Request, response: Response) -> SampleAnswer:
    """Authenticate, check consent, anonymise and store, with one call each."""
    services: Services = request.app.state.services
    user = await _authenticate(services, request)
    check = ConsentCheck(user_id=user.id, purpose=PURPOSE)
    consent = await services.post("privacy", "/consent/check", check, ConsentAnswer, request)
    if not consent.granted or consent.consent is None:
        raise ConsentRequired
    raw = AnonymizeRequest(user_id=user.id, sample=data)
    done = await services.post("privacy", "/anonymize", raw, AnonymizeAnswer, request)
    key = request.headers.get("idempotency-key", "")
    store = StoreRequest(sample=done.sample, consents=[consent.consent, *done.consents], idempotency_key=key)
    if key:
        store.request = hashlib.sha256(data.model_dump_json().encode()).hexdigest()
    stored = await services.post("backend", "/samples", store, Stored, request)
    answer = render(stored, done.sample.classes, OWNERS_VIEW)
    answer.dropped_fields = done.sample.dropped_fields
    response.headers["location"] = f"/api/samples/{stored.id}"
    response.headers["etag"] = stored.etag
    return answer


@app.get("/api/samples/{sample_id}")
async def get_sample(sample_id: UUID, request: Request, response: Response) -> SampleAnswer:
    """Return a sample without the fields that the caller may not see. Reads sample and permissions concurrently."""
    services: Services = request.app.state.services
    user = await _authenticate(services, request)
    roles = ",".join(user.roles)
    found, permissions = await asyncio.gather(
        services.get("backend", f"/samples/{sample_id}", Found, request),
        services.get("privacy", f"/permissions/{sample_id}", Permissions, request, user_id=str(user.id), roles=roles),
    )
    response.headers["etag"] = found.sample.etag
    return render(found.sample, found.classes, view_from(permissions.visible, oversees=permissions.oversees))


async def _authenticate(services: Services, request: Request) -> User:
    body = VerifyRequest(authorization=request.headers.get("authorization", ""))
    user = await services.post("auth", "/verify", body, User, request)
    if "ROLE_RESEARCHER" not in user.roles:
        raise Forbidden
    return user
