"""Floods of log-ins and registrations: an honest user is served meanwhile."""

import asyncio
import secrets
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import httpx
import pytest

from chassis.tasks import cancel
from tests.abuse import OTHER_CLIENT, be_honest
from tests.error_answers import assert_error
from tests.platform import PASSWORD, Platform

AT_ONCE = 40
Call = Callable[[httpx.AsyncClient, str, str], Awaitable[httpx.Response]]
"""Sends an e-mail address and a password."""
GUESSER = "127.0.0.3"
"""An address that no other test uses up."""


async def log_in(http: httpx.AsyncClient, email: str, password: str = PASSWORD) -> httpx.Response:
    return await http.post("/api/auth/login", json={"email": email, "password": password})


async def register(http: httpx.AsyncClient, email: str, password: str = PASSWORD) -> httpx.Response:
    return await http.post("/api/auth/register", json={"email": email, "password": password})


def new_email() -> str:
    return f"{secrets.token_hex(6)}@example.org"


@asynccontextmanager
async def flood(platform: Platform, source: str, call: Call) -> AsyncIterator[Counter[int]]:
    """Make calls for random accounts, many at a time; yield the number of answers by status."""
    statuses = Counter[int]()
    transport = httpx.AsyncHTTPTransport(local_address=source, limits=httpx.Limits(max_connections=AT_ONCE))
    async with httpx.AsyncClient(transport=transport, base_url=platform.constellation.edge_url, timeout=30) as http:

        async def repeat() -> None:
            while True:
                answer = await call(http, new_email(), "not their password")
                statuses[answer.status_code] += 1
                if answer.status_code == 429:
                    # Otherwise this process would be so busy that the honest user, who is in it too, waits for it.
                    await asyncio.sleep(0.1)

        tasks = [asyncio.create_task(repeat()) for _ in range(AT_ONCE)]
        try:
            yield statuses
        finally:
            await cancel(*tasks)


@pytest.mark.parametrize("source", ["127.0.0.1", OTHER_CLIENT])
async def test_flood_of_log_ins_delays_nobody_elsewhere(platform: Platform, source: str) -> None:
    honest = await platform.register()
    async with flood(platform, source, log_in) as statuses:
        times = await be_honest(lambda: log_in(platform.http, honest.email), lambda: statuses[429] > 0)
    times.check()
    assert set(statuses) <= {401, 429}


async def test_flood_of_registrations_delays_nobody_elsewhere(platform: Platform) -> None:
    async with flood(platform, OTHER_CLIENT, register) as statuses:
        times = await be_honest(lambda: register(platform.http, new_email()), lambda: statuses[429] > 0)
    times.check()
    assert set(statuses) <= {200, 429}


async def test_guesses_at_one_account_are_slowed_down_and_lock_nobody_out(platform: Platform) -> None:
    owner = await platform.register()
    transport = httpx.AsyncHTTPTransport(local_address=GUESSER)
    async with httpx.AsyncClient(
        transport=transport, base_url=platform.constellation.edge_url, timeout=30
    ) as elsewhere:
        answers = [await log_in(elsewhere, owner.email, "wrong password") for _ in range(12)]
        assert [answer.status_code for answer in answers] == [401] * 10 + [429] * 2
        assert_error(answers[-1], 429, "OVERLOADED")
        # The right password does not help whoever guesses.
        assert (await log_in(elsewhere, owner.email)).status_code == 429
    (await be_honest(lambda: log_in(platform.http, owner.email), lambda: True)).check()
