"""The pooled auth service: verifies clients' tokens."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request

from bench.peers.pooled.bodies import User, VerifyRequest
from bench.peers.pooled.services import ServiceTokens
from bench.peers.settings import Settings
from bench.peers.tokens import account_verifier, bearer
from bench.peers.web import make_app


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Read the keys."""
    settings = Settings.from_environment()
    app.state.services, app.state.verifier = ServiceTokens(settings), account_verifier(settings.trust_dir)
    yield


app = make_app("auth", lifespan)


@app.post("/verify")
async def verify(data: VerifyRequest, request: Request) -> User:
    """Return the account of a token."""
    request.app.state.services.check(request)
    caller = request.app.state.verifier.verify(bearer(data.authorization))
    return User(id=caller.account, roles=sorted(caller.roles))
