"""Withdrawal under load: it affects every request that starts after the withdrawal was answered."""

import asyncio
import random
from dataclasses import dataclass

import httpx
import pytest
from redis.asyncio import Redis

from tests.error_answers import reason_of
from tests.platform import Account, Platform

ORGANISM = "Macaca mulatta gut metagenome"


@dataclass(frozen=True)
class Donor:
    """A donor, with a consent and the samples that depend on it."""

    subject: str
    consent: str
    samples: tuple[str, ...]


async def withdraw_under_load(platform: Platform, owner: Account, reader: Account, round: int) -> None:
    """Withdraw during creates, reads and lists of a donor's samples, then check that nothing is shown."""
    donor = await make_donor(owner, round)
    early = [asyncio.create_task(call) for call in calls_of(owner, reader, donor, 100)]
    # Withdraw at a random point during the load.
    await asyncio.wait(early[: random.randrange(1, len(early))], return_when=asyncio.FIRST_COMPLETED)
    answer = await owner.call("POST", f"/api/consents/{donor.consent}:withdraw", {})
    assert answer.status_code == 200, answer.text

    late = await asyncio.gather(*calls_of(owner, reader, donor, 30))
    check_nothing_is_shown(late, donor)
    created = [response.json()["id"] for response in await asyncio.gather(*early) if response.status_code == 201]

    # Samples created during the withdrawal depend on the same consent, so no read may show them.
    everything = {*donor.samples, *created}
    for account in (owner, reader):
        looks = [account.call("GET", f"/api/samples/{id}") for id in everything]
        check_nothing_is_shown(await asyncio.gather(*looks), donor)
        listed = await account.call(
            "GET", "/api/samples", params={"filter": f'organism = "{ORGANISM}"', "pageSize": 200}
        )
        assert not {sample["id"] for sample in listed.json()["samples"]} & everything
    await check_cache_has_nothing(platform, everything)


async def make_donor(owner: Account, round: int) -> Donor:
    subject = f"donor {round} of {owner.id}"
    consent = await owner.consent(subject)
    created = await asyncio.gather(*(owner.create(ORGANISM, subject=subject, metadata={"age": 34}) for _ in range(3)))
    return Donor(subject, consent, tuple(sample["id"] for sample in created))


def calls_of(owner: Account, reader: Account, donor: Donor, count: int):
    """Yield a mix of creates, reads and lists of a donor's samples."""
    body = {"organism": ORGANISM, "subject": donor.subject, "metadata": {"age": 34}}
    for number in range(count):
        account = random.choice((owner, reader))
        kind = number % 3
        if kind == 0:
            yield owner.call("POST", "/api/samples", body)
        elif kind == 1:
            yield account.call("GET", f"/api/samples/{random.choice(donor.samples)}")
        else:
            yield account.call("GET", "/api/samples", params={"filter": f'organism = "{ORGANISM}"', "pageSize": 200})


def check_nothing_is_shown(answers: list[httpx.Response], donor: Donor) -> None:
    for answer in answers:
        if answer.request.method == "POST":
            assert answer.status_code == 403, answer.text
            assert reason_of(answer) in ("CONSENT_REQUIRED", "CONSENT_WITHDRAWN")
        elif answer.request.url.path == "/api/samples":
            assert answer.status_code == 200, answer.text
            assert not {sample["id"] for sample in answer.json()["samples"]} & set(donor.samples)
        elif answer.status_code == 200:
            sample = answer.json()
            assert sample["state"] == "STATE_QUARANTINED"
            assert (sample["organism"], sample["subject"], sample["metadata"]) == ("", "", {})
        else:
            assert answer.status_code == 404, answer.text


async def check_cache_has_nothing(platform: Platform, samples: set[str]) -> None:
    async with Redis.from_url(platform.constellation.plan.redis_admin_url) as redis:
        kept = [(key, await redis.dump(key)) async for key in redis.scan_iter()]
    assert not [id for id in samples if id in repr(kept)]


async def repeat(platform: Platform, rounds: int) -> None:
    owner, reader = await platform.account(consented=True), await platform.account("reader")
    for round in range(rounds):
        await withdraw_under_load(platform, owner, reader, round)


async def test_withdrawal_takes_effect_at_once(platform: Platform) -> None:
    await repeat(platform, 5)


@pytest.mark.soak
@pytest.mark.timeout(900)
async def test_fifty_withdrawals_take_effect_at_once(platform: Platform) -> None:
    await repeat(platform, 50)
