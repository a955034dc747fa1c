"""Limits per account, at a real server: which calls are counted, and for how long."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import grpc
import pytest

from chassis.call_context import Caller
from chassis.serving.account_calls import NEW_SECONDS, AccountCalls, TooManyCalls
from tests.abuse import Http2Client
from tests.waiting import eventually

LONG_AGO = time.time() - 2 * NEW_SECONDS
ADA, BOB = (Caller(name, account_since=LONG_AGO) for name in ("ada", "bob"))
METHOD = "/test.Test/Call"
LARGE = b"x" * 1_000_000


@dataclass
class Server:
    """Serves calls of the account in the request until `released`, and refuses those above the limit."""

    calls: AccountCalls
    answer: bytes = b"done"
    callers: dict[str, Caller] = field(default_factory=lambda: {"ada": ADA, "bob": BOB})
    released: asyncio.Event = field(default_factory=asyncio.Event)
    started: int = 0
    address: str = ""

    async def serve(self, request: bytes, context: grpc.aio.ServicerContext) -> bytes:
        try:
            self.calls.admit(self.callers[request.decode()], context)
        except TooManyCalls as error:
            await context.abort(error.code, error.message)
        self.started += 1
        await self.released.wait()
        return self.answer

    async def has_started(self, number: int) -> bool:
        return self.started == number


@asynccontextmanager
async def serving(
    limit: int, answer: bytes = b"done"
) -> AsyncIterator[tuple[Server, grpc.aio.UnaryUnaryMultiCallable]]:
    calls = Server(AccountCalls(limit), answer)
    handler = grpc.unary_unary_rpc_method_handler(calls.serve)
    server = grpc.aio.server()
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("test.Test", {"Call": handler})])
    calls.address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    await server.start()
    try:
        async with grpc.aio.insecure_channel(calls.address) as channel:
            yield calls, channel.unary_unary(METHOD)
    finally:
        await server.stop(None)


async def is_refused(call: grpc.aio.UnaryUnaryMultiCallable, account: bytes) -> bool:
    running = call(account, timeout=10)
    return await running.code() == grpc.StatusCode.RESOURCE_EXHAUSTED


async def test_calls_above_the_limit_are_refused_until_others_end() -> None:
    async with serving(2) as (server, call):
        running = [call(b"ada") for _ in range(2)]
        await eventually(lambda: server.has_started(2))
        assert await is_refused(call, b"ada")
        other = call(b"bob")
        await eventually(lambda: server.has_started(3))
        server.released.set()
        assert await asyncio.gather(*running, other) == [b"done"] * 3
        assert await call(b"ada") == b"done"


async def test_cancelled_call_counts_no_longer() -> None:
    async with serving(1) as (server, call):
        running = call(b"ada")
        await eventually(lambda: server.has_started(1))
        running.cancel()
        server.released.set()

        async def is_served() -> bool:
            return not await is_refused(call, b"ada")

        await eventually(is_served)


async def test_call_counts_until_its_answer_is_read() -> None:
    async with serving(1, LARGE) as (server, call):
        server.released.set()
        host, _, port = server.address.partition(":")
        async with Http2Client.connected(host, int(port)) as slow:
            slow.send_call(METHOD, b"ada")
            await eventually(lambda: server.has_started(1))
            # Its servicer has returned.
            server.answer = b"done"
            assert await call(b"bob") == b"done"
            assert await is_refused(call, b"ada")

        async def is_served() -> bool:
            return not await is_refused(call, b"ada")

        await eventually(is_served)


@pytest.mark.parametrize(("age", "allowed"), [(NEW_SECONDS - 60, 2), (NEW_SECONDS + 60, 4)])
async def test_new_account_gets_half(age: float, allowed: int) -> None:
    async with serving(4) as (server, call):
        server.callers["new"] = Caller("new", account_since=time.time() - age)
        running = [call(b"new") for _ in range(allowed)]
        await eventually(lambda: server.has_started(allowed))
        assert await is_refused(call, b"new")
        server.released.set()
        await asyncio.gather(*running)


async def test_calls_of_services_are_not_counted() -> None:
    async with serving(1) as (server, call):
        server.callers["service"] = Caller(service="gateway")
        running = [call(b"service") for _ in range(5)]
        await eventually(lambda: server.has_started(5))
        server.released.set()
        await asyncio.gather(*running)
