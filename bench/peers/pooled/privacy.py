"""The pooled privacy service: consent, anonymisation, permissions."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

from fastapi import FastAPI, Request
from uuid6 import uuid7

from bench.peers import statements, storage
from bench.peers.anonymiser import Anonymiser
from bench.peers.pooled.bodies import (
    AnonymizeAnswer,
    AnonymizeRequest,
    ConsentAnswer,
    ConsentCheck,
    Permissions,
)
from bench.peers.pooled.services import ServiceTokens
from bench.peers.settings import Settings
from bench.peers.tokens import Caller
from bench.peers.visibility import SampleNotFound, view
from bench.peers.web import make_app

PERMISSION = """
SELECT sample.owner, CASE WHEN study.owner = $2 THEN 3 ELSE coalesce(member.role, 0) END AS role
FROM sample JOIN study ON study.id = sample.study
LEFT JOIN member ON member.study = sample.study AND member.account = $2
WHERE sample.id = $1
"""


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Open the pool, and read the policy and the keys."""
    settings = Settings.from_environment()
    async with await storage.open_pool(settings.database_url) as pool:
        app.state.services, app.state.pool = ServiceTokens(settings), pool
        app.state.anonymiser = Anonymiser(settings.keystore_file)
        app.state.studies = storage.Studies(pool)
        yield


app = make_app("privacy", lifespan)


@app.post("/consent/check")
async def check_consent(data: ConsentCheck, request: Request) -> ConsentAnswer:
    """Return the account's consent, if any."""
    state = request.app.state
    state.services.check(request)
    given = await state.pool.fetch(statements.GIVEN, data.user_id, data.purpose, None, None)
    consent = next((row["id"] for row in given if row["subject_hash"] is None), None)
    return ConsentAnswer(granted=consent is not None, consent=consent)


@app.post("/anonymize")
async def anonymize(data: AnonymizeRequest, request: Request) -> AnonymizeAnswer:
    """Anonymise a sample. Check the donor's consent too, because only this service knows the donor."""
    state = request.app.state
    state.services.check(request)
    study = await state.studies.for_sample(data.sample.study, data.user_id)
    result = state.anonymiser.anonymise(data.sample, uuid7(), data.user_id, study)
    consents: list[UUID] = []
    if result.subject_hash is not None:
        given = await state.pool.fetch(statements.GIVEN, data.user_id, storage.PURPOSE, result.subject_hash, study)
        consents = [row["id"] for row in given if row["subject_hash"] is not None]
        if not consents:
            raise storage.ConsentRequired
    return AnonymizeAnswer.model_construct(sample=result.sample, consents=consents)


@app.get("/permissions/{sample_id}")
async def get_permissions(sample_id: UUID, user_id: UUID, roles: str, request: Request) -> Permissions:
    """Return the permissions of a caller on a sample."""
    state = request.app.state
    state.services.check(request)
    row = await state.pool.fetchrow(PERMISSION, sample_id, user_id)
    if row is None:
        raise SampleNotFound
    caller = Caller(user_id, frozenset(roles.split(",")))
    seen = view(row["owner"], row["role"], caller)
    return Permissions(visible=sorted(seen.classes), oversees=seen.oversees)
