"""The monolith: one FastAPI program that does everything in its own process, with one or more workers.

Run by `uvicorn bench.peers.monolith:app`. A creation is one statement, which checks consent and writes sample, audit
rows, events and notifications. The relay publishes events in the background.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

from fastapi import FastAPI, Request, Response
from uuid6 import uuid7

from bench.peers import statements, storage
from bench.peers.anonymiser import Anonymiser
from bench.peers.bodies import SampleAnswer, SampleCreate
from bench.peers.relay import Relay
from bench.peers.settings import Settings
from bench.peers.storage import Claim
from bench.peers.tokens import Caller, account_verifier, bearer
from bench.peers.visibility import OWNERS_VIEW, SampleNotFound, render, view
from bench.peers.web import Forbidden, make_app


class Monolith:
    """The objects that all requests of a worker share."""

    def __init__(self, settings: Settings, pool: storage.asyncpg.Pool, relay: Relay) -> None:
        self.pool = pool
        self.relay = relay
        self.verifier = account_verifier(settings.trust_dir)
        self.anonymiser = Anonymiser(settings.keystore_file)
        self.studies = storage.Studies(pool)

    def authenticate(self, request: Request) -> Caller:
        """Return the caller. Raises Unauthenticated, Forbidden."""
        caller = self.verifier.verify(bearer(request.headers.get("authorization", "")))
        if "ROLE_RESEARCHER" not in caller.roles:
            raise Forbidden
        return caller


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Open the worker's pool and start its relay."""
    settings = Settings.from_environment()
    async with await storage.open_pool(settings.database_url) as pool:
        relay = Relay(pool, settings.broker_url)
        app.state.monolith = Monolith(settings, pool, relay)
        async with relay.running():
            yield


app = make_app("FAIRDatabase in one program", lifespan)


@app.post("/api/samples", status_code=201)
async def create_sample(data: SampleCreate, request: Request, response: Response) -> SampleAnswer:
    """Check consent, anonymise the sample and store the result."""
    monolith: Monolith = request.app.state.monolith
    caller = monolith.authenticate(request)
    key = request.headers.get("idempotency-key")
    claim = Claim.make(key, data.model_dump_json()) if key else None
    if claim is not None:
        found = await storage.find_by_key(monolith.pool, caller.account, claim)
        if found is not None:
            return _answer(response, render(found, {}, OWNERS_VIEW))
    study = await monolith.studies.for_sample(data.study, caller.account)
    result = monolith.anonymiser.anonymise(data, uuid7(), caller.account, study)
    stored = await storage.store(
        monolith.pool,
        statements.STORE_IF_PERMITTED,
        result.sample,
        result.subject_hash,
        request.state.correlation_id,
        claim,
    )
    monolith.relay.wake()
    answer = render(stored, result.sample.classes, OWNERS_VIEW)
    answer.dropped_fields = result.sample.dropped_fields
    return _answer(response, answer)


@app.get("/api/samples/{sample_id}")
async def get_sample(sample_id: UUID, request: Request, response: Response) -> SampleAnswer:
    """Return a sample without the fields that the caller may not see."""
    monolith: Monolith = request.app.state.monolith
    caller = monolith.authenticate(request)
    row = await monolith.pool.fetchrow(statements.GET, sample_id, caller.account)
    if row is None:
        raise SampleNotFound
    sample = render(storage.to_stored(row), storage.json.loads(row["classes"]), view(row["owner"], row["role"], caller))
    response.headers["etag"] = sample.etag
    return sample


def _answer(response: Response, sample: SampleAnswer) -> SampleAnswer:
    response.headers["location"] = f"/api/samples/{sample.id}"
    response.headers["etag"] = sample.etag
    return sample
