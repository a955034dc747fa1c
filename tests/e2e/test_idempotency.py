"""Idempotency keys through the edge: concurrent and later repeats, and failed creations."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aio_pika
import pytest

from chassis.events import broker
from fairdb.events.v1.event_pb2 import Event
from tests.platform import Account, Platform
from tests.waiting import eventually

CHANGES_WITH_TIME = ("state", "etag", "updateTime")


async def create(account: Account, key: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    """Create a sample, and retry with the same key while the platform is busy, as clients do."""

    async def attempt() -> tuple[int, dict[str, Any]] | None:
        answer = await account.call("POST", "/api/samples", body, headers={"Idempotency-Key": key})
        return None if answer.status_code in (429, 503) else (answer.status_code, answer.json())

    answer = await eventually(attempt, within=60)
    assert answer is not None
    return answer


async def test_two_hundred_creates_with_twenty_keys_give_twenty_samples(platform: Platform) -> None:
    account = await platform.account(consented=True)
    bodies = [{"organism": "E. coli", "metadata": {"body_site": "feces", "age": 20 + key}} for key in range(20)]

    answers = await asyncio.gather(*(create(account, f"key {n % 20}", bodies[n % 20]) for n in range(200)))

    assert Counter(status for status, _ in answers) == {201: 200}
    for key in range(20):
        of_key = {
            json.dumps({name: value for name, value in sample.items() if name not in CHANGES_WITH_TIME}, sort_keys=True)
            for _, sample in answers[key::20]
        }
        assert len(of_key) == 1
    ids = {sample["id"] for _, sample in answers}
    assert len(ids) == 20
    listed = (await account.call("GET", f'/api/samples?filter=owner = "{account.id}"&pageSize=200')).json()["samples"]
    assert {sample["id"] for sample in listed} == ids
    # A request that lost the race for its key must not undo the winner's sample.
    for id in ids:
        await account.wait_until_processed(id)


@pytest.mark.parametrize(
    "other",
    [{"organism": "E. coli", "metadata": {"age": 35}}, {"organism": "E. coli"}, {"organism": "human gut metagenome"}],
)
async def test_key_used_for_another_body_is_a_conflict(platform: Platform, other: dict[str, Any]) -> None:
    account = await platform.account(consented=True)
    status, sample = await create(account, "key", {"organism": "E. coli", "metadata": {"age": 34}})
    assert status == 201

    status, refused = await create(account, "key", other)

    assert status == 409
    assert refused["details"][0]["reason"] == "IDEMPOTENCY_KEY_REUSED"
    assert (await account.call("GET", f"/api/samples/{sample['id']}")).status_code == 200


async def test_key_of_a_refused_request_can_be_used_again(platform: Platform) -> None:
    account = await platform.account()
    status, _ = await create(account, "key", {"organism": "E. coli"})
    assert status == 403
    await account.consent()
    status, _ = await create(account, "key", {"organism": "E. coli", "metadata": {"age": 34}})
    assert status == 201


@asynccontextmanager
async def announcements(platform: Platform, type: str) -> AsyncIterator[Any]:
    """Yield a new queue that receives events of one type."""
    async with await aio_pika.connect(platform.constellation.plan.broker_admin_url) as connection:
        channel = await connection.channel()
        queue = await channel.declare_queue(exclusive=True)
        await queue.bind(broker.EXCHANGE, routing_key=type)
        yield queue


async def test_failed_creation_publishes_its_step_and_reason(platform: Platform) -> None:
    account = await platform.account()
    correlation_id = "0b5b5aa0-5a5c-4d0e-9d5e-3f6f9b1c2d99"
    async with announcements(platform, "sample.failed") as queue:
        headers = {"X-Correlation-ID": correlation_id}
        body = {"organism": "E. coli", "metadata": {"name": "Zebulon"}}
        assert (await account.call("POST", "/api/samples", body, headers=headers)).status_code == 403

        async def announced() -> Event | None:
            message = await queue.get(fail=False, no_ack=True)
            event = Event.FromString(message.body) if message else None
            return event if event and event.correlation_id == correlation_id else None

        event = await eventually(announced)

    assert event is not None
    assert (event.type, event.step, event.reason) == ("sample.failed", "validate", "CONSENT_REQUIRED")
    assert (event.actor, event.sequence) == (account.id, 1)
    assert b"Zebulon" not in event.SerializeToString()
