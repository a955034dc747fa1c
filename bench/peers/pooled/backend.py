"""The pooled backend: stores samples with audit rows, events and notifications, reads them, publishes events."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

from fastapi import FastAPI, Request

from bench.peers import statements, storage
from bench.peers.bodies import Stored
from bench.peers.pooled.bodies import Found, StoreRequest
from bench.peers.pooled.services import ServiceTokens
from bench.peers.relay import Relay
from bench.peers.settings import Settings
from bench.peers.storage import Claim
from bench.peers.visibility import SampleNotFound
from bench.peers.web import make_app

BY_ID = "SELECT * FROM sample WHERE id = $1"


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Open the pool and start the relay."""
    settings = Settings.from_environment()
    async with await storage.open_pool(settings.database_url) as pool:
        relay = Relay(pool, settings.broker_url)
        app.state.services, app.state.pool, app.state.relay = ServiceTokens(settings), pool, relay
        async with relay.running():
            yield


app = make_app("backend", lifespan)


@app.post("/samples")
async def store_sample(data: StoreRequest, request: Request) -> Stored:
    """Store a sample, or return the one that the same key created."""
    state = request.app.state
    state.services.check(request)
    claim = Claim.make(data.idempotency_key, data.request) if data.idempotency_key else None
    if claim is not None:
        found = await storage.find_by_key(state.pool, data.sample.owner, claim)
        if found is not None:
            return found
    stored = await storage.store(
        state.pool, statements.STORE_UNDER, data.sample, data.consents, request.state.correlation_id, claim
    )
    state.relay.wake()
    return stored


@app.get("/samples/{sample_id}")
async def get_sample(sample_id: UUID, request: Request) -> Found:
    """Return a sample with all its fields."""
    state = request.app.state
    state.services.check(request)
    row = await state.pool.fetchrow(BY_ID, sample_id)
    if row is None:
        raise SampleNotFound
    return Found.model_construct(sample=storage.to_stored(row), classes=storage.json.loads(row["classes"]))
