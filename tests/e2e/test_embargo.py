"""Nobody but those who oversee samples sees in which order they were stored: a platform with a short embargo."""

import asyncio
import json
import statistics
from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio

from deploy.local.constellation import Constellation
from deploy.local.ports import Ports
from tests.e2e.test_studies import create_study, set_member
from tests.platform import Account, Platform
from tests.waiting import eventually

STEP_SECONDS = 6


@pytest_asyncio.fixture(scope="module")
async def embargoing(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Constellation]:
    extra = {"backend_svc": {"FAIRDB_EMBARGO_SECONDS": str(STEP_SECONDS)}}
    async with Constellation(tmp_path_factory.mktemp("embargo"), Ports.free(), extra_env=extra) as running:
        yield running


@pytest_asyncio.fixture
async def platform(embargoing: Constellation) -> AsyncIterator[Platform]:
    async with httpx.AsyncClient(base_url=embargoing.edge_url, timeout=60) as http:
        yield Platform(embargoing, http)


async def listed(account: Account, filter: str) -> set[str]:
    """Return the ids on all pages of a list."""
    found: set[str] = set()
    parameters = {"filter": filter, "pageSize": 200, "pageToken": ""}
    while True:
        answer = await account.call("GET", "/api/samples", params=parameters)
        assert answer.status_code == 200, answer.text
        found |= {sample["id"] for sample in answer.json()["samples"]}
        parameters["pageToken"] = answer.json()["nextPageToken"]
        if not parameters["pageToken"]:
            return found


async def poll(account: Account, filter: str, first_seen: dict[str, int], stop: asyncio.Event) -> None:
    """List again and again; note in which look each sample appeared."""
    look = 0
    while not stop.is_set():
        for id in await listed(account, filter) - first_seen.keys():
            first_seen[id] = look
        look += 1


async def test_poller_sees_all_rows_of_an_import_at_once(platform: Platform) -> None:
    owner, reader, outsider = await platform.account(consented=True), await platform.account(), await platform.account()
    study = await create_study(owner)
    assert (await set_member(owner, study, reader.id, "STUDY_ROLE_READER")).status_code == 200
    seen: dict[str, dict[str, int]] = {"owner": {}, "reader": {}, "outsider": {}}
    filter, stop = f'study = "{study}"', asyncio.Event()
    accounts = {"owner": owner, "reader": reader, "outsider": outsider}
    pollers = [asyncio.create_task(poll(accounts[name], filter, seen[name], stop)) for name in accounts]

    async def slow_rows() -> AsyncIterator[bytes]:
        for number in range(60):
            row = {"organism": "soil metagenome", "study": study, "metadata": {"depth": number}}
            yield json.dumps(row).encode() + b"\n"
            # Not to wait for something: the sender is slow.
            await asyncio.sleep(0.1)

    answer = await owner.http.post(
        "/api/samples:import",
        content=slow_rows(),
        headers={**owner.headers, "Content-Type": "application/x-ndjson"},
    )
    rows = [json.loads(line) for line in answer.text.splitlines()]
    ids = [row["id"] for line in rows for row in line.get("rows", [line]) if row.get("id")]
    assert len(ids) == 60, answer.text[:500]
    # Further samples, one by one.
    ids += [(await owner.create("soil metagenome", study=study))["id"] for _ in range(5)]
    assert {*await listed(owner, filter)} == {*ids}
    assert await listed(reader, filter) == set()

    async def visible() -> bool:
        return await listed(reader, filter) == await listed(outsider, filter) == {*ids}

    await eventually(visible, within=STEP_SECONDS * 4)
    stop.set()
    await asyncio.gather(*pollers)
    for name in ("reader", "outsider"):
        assert len({*seen[name].values()}) <= 1, name
    # The owner saw them in order: the test would notice an order.
    times = [seen["owner"][id] for id in ids]
    assert statistics.correlation(range(len(ids)), times) > 0.9


async def test_embargoed_sample_does_not_exist_for_others(platform: Platform) -> None:
    owner, outsider, steward = (
        await platform.account(consented=True),
        await platform.account(),
        await platform.steward(),
    )
    organism = "sediment metagenome"
    assert (await outsider.call("POST", "/api/subscriptions", {"organism": organism})).status_code == 200
    sample = await owner.create(organism)
    await owner.wait_until_processed(sample["id"])
    path = f"/api/samples/{sample['id']}"
    unknown = await outsider.call("GET", f"/api/samples/{owner.id}")

    async def statuses(account: Account) -> list[int]:
        match = {"sample": sample["id"], "use": {"purposes": ["USE_PURPOSE_HEALTH_RESEARCH"]}}
        answers = [await account.call("GET", f"{path}{part}") for part in ("", "/events", "/audit", "/privacy")]
        answers.append(await account.call("GET", path, params={"use.purposes": "USE_PURPOSE_HEALTH_RESEARCH"}))
        answers.append(await account.call("POST", "/api/dataUse:match", match))
        return [answer.status_code for answer in answers]

    async def notified() -> list[str]:
        answer = await outsider.call("GET", "/api/notifications")
        return [item["sample"] for item in answer.json()["notifications"]]

    assert await statuses(outsider) == [404] * 6
    hidden = await outsider.call("GET", path)
    same = ("code", "message")
    assert [hidden.json().get(name) for name in same] == [unknown.json().get(name) for name in same]
    assert await notified() == []
    assert await statuses(owner) == await statuses(steward) == [200] * 6
    assert await eventually(notified, within=STEP_SECONDS * 4) == [sample["id"]]
    assert (await outsider.call("GET", path)).status_code == 200


async def test_donor_counts_for_readers_only_after_the_embargo(platform: Platform) -> None:
    owner, curator, reader = await platform.account(consented=True), await platform.account(), await platform.account()
    await curator.consent()
    study = await create_study(owner, readerK=2)
    for account, role in ((reader, "READER"), (curator, "CURATOR")):
        assert (await set_member(owner, study, account.id, f"STUDY_ROLE_{role}")).status_code == 200

    async def add(account: Account, donor: str) -> str:
        await account.consent(donor)
        sample = await account.create("human gut metagenome", study=study, subject=donor, metadata={"age": 52})
        return sample["id"]

    first = await add(owner, "d1")

    async def metadata() -> dict[str, str] | None:
        answer = await reader.call("GET", f"/api/samples/{first}")
        return answer.json()["metadata"] if answer.status_code == 200 else None

    async def is_visible() -> bool:
        return await metadata() is not None

    await eventually(is_visible, within=STEP_SECONDS * 4)
    second = await add(curator, "d2")
    await curator.wait_until_processed(second)

    async def look() -> bool:
        shown, there = await metadata(), (await reader.call("GET", f"/api/samples/{second}")).status_code == 200
        # The first sample never shows that the second exists.
        assert there or shown == {}
        return there and shown == {"age": "50-59"}

    await eventually(look, within=STEP_SECONDS * 6)
