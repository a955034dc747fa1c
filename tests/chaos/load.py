"""Load during a fault: samples are created all the time, and each answer is counted."""

import asyncio

import httpx

from tests.error_answers import assert_error, reason_of
from tests.platform import Account, Platform

HANG = 35.0
"""Timeout in seconds. The edge answers within 30, so a longer wait means that the call hangs (httpx.ReadTimeout)."""


async def create_until(stop: asyncio.Event, researcher: Account, acknowledged: list[str]) -> list[int | str]:
    """Create samples one after the other; return the status of each attempt."""
    answers: list[int | str] = []
    while not stop.is_set():
        try:
            answer = await researcher.call("POST", "/api/samples", {"organism": "E. coli"})
        except (httpx.ConnectError, httpx.ReadError, httpx.RemoteProtocolError):
            answers.append("refused")
        else:
            answers.append(answer.status_code)
            if answer.status_code == 201:
                acknowledged.append(answer.json()["id"])
            else:
                assert_error(answer, answer.status_code, reason_of(answer))
        await asyncio.sleep(0.02)
    return answers


async def stored_samples_were_acknowledged_or_unknown(researcher: Account, answers: list[int | str]) -> None:
    """Check that a create with 503 stored nothing: its sender may repeat it, and has no Idempotency-Key."""
    stored, token = 0, ""
    while True:
        parameters = {"filter": f'owner = "{researcher.id}"', "pageSize": 200, "pageToken": token}
        page = (await researcher.call("GET", "/api/samples", params=parameters)).json()
        stored += len(page["samples"])
        token = page["nextPageToken"]
        if not token:
            break
    unknown = sum(answer in (504, "refused") for answer in answers)
    assert answers.count(201) <= stored <= answers.count(201) + unknown, answers


async def at_least(acknowledged: list[str], count: int) -> bool:
    return len(acknowledged) >= count


async def healthy(platform: Platform) -> bool:
    answer = await platform.http.get("/api/health")
    return answer.status_code == 200 and answer.json()["status"] == "healthy"
