"""Code that the peers' applications share: correlation ids, and the mapping of errors to statuses."""

import os
import re
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from uuid import uuid4

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bench.peers.storage import ConsentRequired, StudyNotFound, Taken
from bench.peers.tokens import Unauthenticated
from bench.peers.visibility import SampleNotFound
from fairdatabase.policy.records.anonymisation import InvalidSample

HEADER = b"x-correlation-id"
_UUID = re.compile(rb"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Forbidden(Exception):
    """The caller's roles do not permit the call."""


class Refused(Exception):
    """Another service refused a call. Its answer is passed on to the client."""

    def __init__(self, status: int, body: bytes) -> None:
        super().__init__(status)
        self.status, self.body = status, body


STATUSES: dict[type[Exception], int] = {
    Unauthenticated: 401,
    Forbidden: 403,
    ConsentRequired: 403,
    SampleNotFound: 404,
    StudyNotFound: 404,
    Taken: 409,
}


class CorrelationId:
    """Gives each request and its answer a correlation id. Plain ASGI, because FastAPI's middleware costs more."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = next((value for name, value in scope["headers"] if name == HEADER), b"")
        correlation_id = given if _UUID.fullmatch(given) else str(uuid4()).encode()
        scope.setdefault("state", {})["correlation_id"] = correlation_id.decode()

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (HEADER, correlation_id)]
            await send(message)

        await self._app(scope, receive, answer)


def make_app(title: str, lifespan: Callable[[FastAPI], AbstractAsyncContextManager[None]]) -> FastAPI:
    """Return an application that serves /health and maps exceptions to statuses."""
    app = FastAPI(title=title, lifespan=lifespan)
    app.add_middleware(CorrelationId)
    for kind in STATUSES:
        app.add_exception_handler(kind, _refuse)
    app.add_exception_handler(InvalidSample, _invalid)
    app.add_exception_handler(Refused, _pass_on)

    @app.get("/health")
    async def health() -> dict[str, int]:  # pyright: ignore[reportUnusedFunction]  FastAPI calls it
        return {"pid": os.getpid()}

    return app


async def _refuse(request: Request, error: Exception) -> JSONResponse:
    return JSONResponse({"reason": type(error).__name__}, STATUSES[type(error)])


async def _invalid(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, InvalidSample)
    return JSONResponse({"violations": [violation._asdict() for violation in error.violations]}, 400)


async def _pass_on(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refused)
    return Response(error.body, error.status, media_type="application/json")
