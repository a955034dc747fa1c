"""Health checks of servers: the release that they report, also when a server does not reveal it."""

import asyncio
from typing import Any

import pytest
from redis.exceptions import BusyLoadingError, ResponseError

from chassis.identity.revocation import COMPLETE_KEY, FRESH_KEY
from gateway.system import checks
from gateway.system.checks import Refusing, cache_check, registry_check


class Registry:
    """A fake registry whose attributes decide its answers. Counts the requests for its release."""

    def __init__(self) -> None:
        self.is_down = False
        self.hangs = False
        self.release = "1.8.7"
        self.release_fails: Exception | None = None
        self.release_hangs = False
        self.asked = 0

    async def ping(self) -> None:
        if self.is_down:
            raise ConnectionError
        if self.hangs:
            await asyncio.Event().wait()

    async def version(self) -> str:
        self.asked += 1
        if self.release_fails:
            raise self.release_fails
        if self.release_hangs:
            await asyncio.Event().wait()
        return self.release


class Redis:
    """A fake Redis. `hello` and `found` are its answers to HELLO and MGET, or the exceptions that it raises."""

    def __init__(self, hello: Any, found: Any = (b"1", b"1")) -> None:
        self._hello = hello
        self._found = found
        self.pings = 0

    async def mget(self, *keys: str) -> Any:
        assert keys == (COMPLETE_KEY, FRESH_KEY)
        if isinstance(self._found, Exception):
            raise self._found
        return [*self._found]

    async def execute_command(self, command: str) -> Any:
        assert command == "HELLO"
        if isinstance(self._hello, Exception):
            raise self._hello
        return self._hello

    async def ping(self) -> None:
        self.pings += 1


async def test_release_of_the_registry_is_read_again_only_after_an_outage() -> None:
    registry = Registry()
    check = registry_check(registry)  # pyright: ignore[reportArgumentType]  # a fake
    assert [await check(), await check(), registry.asked] == ["1.8.7", "1.8.7", 1]
    registry.is_down, registry.release = True, "1.9.0"
    with pytest.raises(ConnectionError):
        await check()
    registry.is_down = False
    assert [await check(), registry.asked] == ["1.9.0", 2]


async def test_release_of_the_registry_is_read_again_after_a_check_timed_out() -> None:
    registry = Registry()
    check = registry_check(registry)  # pyright: ignore[reportArgumentType]  # a fake
    assert await check() == "1.8.7"
    registry.hangs, registry.release = True, "1.9.0"
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await check()
    registry.hangs = False
    assert await check() == "1.9.0"


@pytest.mark.parametrize("fault", [ConnectionError(), KeyError("Config"), None])
async def test_registry_whose_release_cannot_be_read_is_healthy(
    monkeypatch: pytest.MonkeyPatch, fault: Exception | None
) -> None:
    monkeypatch.setattr(checks, "_RELEASE_SECONDS", 0.01)
    registry = Registry()
    registry.release_fails, registry.release_hangs = fault, fault is None
    check = registry_check(registry)  # pyright: ignore[reportArgumentType]  # a fake
    assert await check() == ""
    monkeypatch.setattr(checks, "_RELEASE_SECONDS", 30.0)
    registry.release_fails, registry.release_hangs = None, False
    assert await check() == "1.8.7"


@pytest.mark.parametrize(
    "hello",
    [
        {"server": "redis", "version": "7.0.15", "proto": 3},
        {b"server": b"redis", b"version": b"7.0.15"},
        [b"server", b"redis", b"version", b"7.0.15", b"proto", 2],
    ],
)
async def test_release_of_the_cache_is_read_in_both_protocols(hello: object) -> None:
    assert await cache_check(Redis(hello))() == "7.0.15"  # pyright: ignore[reportArgumentType]  # a fake


async def test_cache_that_does_not_report_its_release_is_only_pinged() -> None:
    redis = Redis(ResponseError("unknown command"))
    assert await cache_check(redis)() == ""  # pyright: ignore[reportArgumentType]  # a fake
    assert redis.pings == 1


@pytest.mark.parametrize(
    ("found", "detail"),
    [
        (BusyLoadingError("Redis is loading the dataset in memory"), "loading"),
        (ResponseError("BUSY Redis is busy running a script"), "refuses"),
        ((b"1", None), "cannot write revocations"),
        ((None, None), "cannot write revocations"),
    ],
)
async def test_cache_that_answers_but_does_not_do_its_work_is_named(found: object, detail: str) -> None:
    with pytest.raises(Refusing, match=detail):
        await cache_check(Redis({}, found))()  # pyright: ignore[reportArgumentType]  # a fake
