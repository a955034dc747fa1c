"""Declared uses: docs/permissions.md, "For a permitted use", on every call that takes a use."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import asyncpg
import httpx
import pytest
import pytest_asyncio

from deploy.local.constellation import Constellation
from tests.e2e.readers import PERMISSIONS, end_membership, make_readers, table_rows
from tests.error_answers import assert_error
from tests.platform import Account, Platform

BODY = {
    "organism": "Lemur catta gut metagenome",
    "metadata": {"body_site": "feces", "age": 34, "disease": "Healthy", "notes": "taken after breakfast"},
}
SECRET = "Zebulon-Quartzfeather"
DISEASE = "MONDO:0005148"
GENERAL = [{"id": "DUO:0000042"}]
# For each row title: the terms of the donor's consents to sample_creation and to data_sharing.
CONSENTS: Mapping[str, tuple[Sequence[Any], Sequence[Any]]] = {
    "nothing about reuse": ([], []),
    "general research use": (GENERAL, []),
    "research into type 2 diabetes": ([{"id": "DUO:0000007", "diseases": [DISEASE]}], []),
    "health research, not commercial": ([{"id": "DUO:0000006"}, {"id": "DUO:0000046"}], []),
    "general research use, expired": (GENERAL, []),
    "general research use, by data_sharing": ([], GENERAL),
    "general research use, by data_sharing, withdrawn": ([], GENERAL),
}
HEALTH = {"use.purposes": "USE_PURPOSE_HEALTH_RESEARCH"}
USES: Mapping[str, dict[str, Any]] = {
    "nothing declared": {},
    "health research": HEALTH,
    "non-commercial research into type 2 diabetes": {
        "use.purposes": "USE_PURPOSE_DISEASE_RESEARCH",
        "use.diseases": DISEASE,
        "use.commercial": "false",
    },
    "commercial health research": {**HEALTH, "use.commercial": "true"},
}
EXPIRE = "UPDATE consent SET expires_at = now() - interval '1 second' WHERE id = $1::uuid"


def read_tables() -> tuple[dict[str, str], dict[tuple[str, str], bool]]:
    """Return what each reader sees of sensitive fields, and whether each consent permits each use."""
    readers, uses = PERMISSIONS.read_text().split("\n## For a permitted use", 1)
    (_, *reader_rows), (titles, *consents) = table_rows(readers), table_rows(uses)
    assert tuple(titles[1:]) == tuple(USES)
    assert {row[0] for row in consents} == CONSENTS.keys()
    yes = {"yes": True, "no": False}
    permitted = {(row[0], use): yes[cell] for row in consents for use, cell in zip(USES, row[1:], strict=True)}
    return {row[0]: row[3] for row in reader_rows}, permitted


READERS, PERMITTED = read_tables()


@dataclass
class World:
    """One sample in one study for each state of consent."""

    readers: dict[str, Account]
    study: str
    samples: dict[str, str]
    quarantined: str


@pytest_asyncio.fixture(scope="module")
async def world(constellation: Constellation) -> AsyncIterator[World]:
    async with httpx.AsyncClient(base_url=constellation.edge_url, timeout=30) as http:
        yield await make_world(Platform(constellation, http))


async def make_world(platform: Platform) -> World:
    readers, study = await make_readers(platform)
    owner = readers["owner of the sample"]
    samples: dict[str, str] = {}
    for number, (state, (terms, shared)) in enumerate(CONSENTS.items()):
        donor = f"donor {number}"
        consent = await owner.consent(donor, dataUse=terms)
        samples[state] = (await owner.create(**BODY, study=study, subject=donor))["id"]
        sharing = await owner.consent(donor, purpose="data_sharing", dataUse=shared) if shared else None
        if state.endswith("withdrawn"):
            answer = await owner.call("POST", f"/api/consents/{sharing}:withdraw", {})
            assert answer.status_code == 200, answer.text
        if state.endswith("expired"):
            database = await asyncpg.connect(platform.constellation.env_of("privacy_svc")["FAIRDB_DATABASE_URL"])
            await database.execute(EXPIRE, consent)
            await database.close()
    consent = await owner.consent("gone", dataUse=GENERAL)
    quarantined = (await owner.create(**BODY, study=study, subject="gone"))["id"]
    for id in (*samples.values(), quarantined):
        await owner.wait_until_processed(id)
    answer = await owner.call("POST", f"/api/consents/{consent}:withdraw", {})
    assert answer.status_code == 200, answer.text
    await end_membership(readers, study)
    return World(readers, study, samples, quarantined)


def sees(reader: str, consent: str, use: str) -> bool:
    return {"shown": True, "withheld": False, "for a permitted use": PERMITTED[consent, use]}[READERS[reader]]


def assert_shows(sample: dict[str, Any], reader: str, consent: str, use: str) -> None:
    shown = sees(reader, consent, use)
    assert sample["metadata"].get("disease") == ("Healthy" if shown else None), (reader, consent, use)
    assert ("sensitive" in sample["withheldFields"]) != shown
    # A declared use reveals sensitive fields only.
    whole = READERS[reader] == "shown"
    assert ("age" in sample["metadata"]) == (whole or reader == "reader of its study")
    assert ("notes" in sample["metadata"]) == whole
    assert sample["metadata"]["body_site"] == "feces"


@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize("reader", READERS)
async def test_get_shows_what_the_tables_say(world: World, reader: str, use: str) -> None:
    for consent, id in world.samples.items():
        answer = await world.readers[reader].call("GET", f"/api/samples/{id}", params=USES[use])
        assert answer.status_code == 200, answer.text
        assert_shows(answer.json(), reader, consent, use)
    gone = await world.readers[reader].call("GET", f"/api/samples/{world.quarantined}", params=USES[use])
    assert "Healthy" not in gone.text


@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize("reader", READERS)
async def test_list_shows_what_the_tables_say(world: World, reader: str, use: str) -> None:
    parameters = {"filter": f'study = "{world.study}"', "pageSize": 200, **USES[use]}
    answer = await world.readers[reader].call("GET", "/api/samples", params=parameters)
    assert answer.status_code == 200, answer.text
    found = {sample["id"]: sample for sample in answer.json()["samples"]}
    for consent, id in world.samples.items():
        assert_shows(found[id], reader, consent, use)


@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize("reader", READERS)
async def test_declared_use_matches_no_withheld_field_in_a_filter(world: World, reader: str, use: str) -> None:
    for condition in ('metadata.disease = "Healthy"', 'metadata.disease != "x"'):
        parameters = {"filter": f'study = "{world.study}" AND {condition}', "pageSize": 200, **USES[use]}
        answer = await world.readers[reader].call("GET", "/api/samples", params=parameters)
        found = {sample["id"] for sample in answer.json()["samples"]}
        assert found == ({*world.samples.values()} if READERS[reader] == "shown" else set())


@pytest.mark.parametrize("use", [use for use in USES if USES[use]])
@pytest.mark.parametrize("consent", CONSENTS)
async def test_match_agrees_with_reads(world: World, consent: str, use: str) -> None:
    """Only a read of a study's outsider decides about the disease that a consent names."""
    # Convert query parameters to JSON.
    read = {"purposes": lambda text: [text], "diseases": lambda text: [text], "commercial": lambda text: text == "true"}
    declared = {name.removeprefix("use."): text for name, text in USES[use].items()}
    body = {"sample": world.samples[consent], "use": {name: read[name](text) for name, text in declared.items()}}
    permitted = PERMITTED[consent, use]
    for reader, expected in {
        "reader of its study": permitted,
        "researcher with no part in it": permitted and consent != "research into type 2 diabetes",
    }.items():
        answer = await world.readers[reader].call("POST", "/api/dataUse:match", body)
        assert (answer.json()["outcome"] == "USE_OUTCOME_ALLOWED") == expected, answer.text


async def test_declared_use_is_in_the_audit_log_of_each_sample(world: World, platform: Platform) -> None:
    stranger, owner = await platform.account("stranger"), world.readers["owner of the sample"]
    params = {**HEALTH, "use.institution": "05wg1m734", "filter": f'study = "{world.study}"'}
    listed = await stranger.call("GET", "/api/samples", params=params)
    assert listed.status_code == 200, listed.text
    # These two reads are not recorded: the owner may see everything, and the stranger declares no use this time.
    await owner.call("GET", f"/api/samples/{world.samples['general research use']}", params=HEALTH)
    await stranger.call("GET", f"/api/samples/{world.samples['general research use']}")

    outcomes = {}
    for consent, id in world.samples.items():
        entries = (await owner.call("GET", f"/api/samples/{id}/audit")).json()["entries"]
        (entry,) = (entry for entry in entries if entry["action"] == "read" and entry["actor"] == stranger.id)
        assert not [entry for entry in entries if entry["action"] == "read" and entry["actor"] == owner.id]
        use = entry["declared"]["use"]
        assert (use["purposes"], use["institution"]) == (["USE_PURPOSE_HEALTH_RESEARCH"], "05wg1m734")
        assert use["account"] == stranger.id
        assert entry["correlationId"] == listed.headers["x-correlation-id"]
        outcomes[consent] = (entry["declared"]["outcome"].removeprefix("USE_OUTCOME_"), entry["declared"]["term"])
    assert outcomes["general research use"] == ("ALLOWED", "DUO:0000042")
    assert outcomes["research into type 2 diabetes"] == ("DENIED", "DUO:0000007")
    assert outcomes["health research, not commercial"] == ("NEEDS_PERSON", "DUO:0000046")
    assert outcomes["nothing about reuse"] == ("NEEDS_PERSON", "DUO:0000001")


async def test_malformed_use_is_refused_for_the_owner_too(world: World) -> None:
    owner, id = world.readers["owner of the sample"], world.samples["general research use"]
    for path in (f"/api/samples/{id}", "/api/samples"):
        answer = await owner.call("GET", path, params={"use.diseases": SECRET})
        assert_error(answer, 400, "INVALID_REQUEST", {"use.diseases"})
        answer = await owner.call("GET", path, params={"use.purposes": SECRET})
        assert_error(answer, 400, "MALFORMED_REQUEST")


async def test_declared_account_is_replaced_by_the_readers(world: World) -> None:
    reader, id = world.readers["researcher with no part in it"], world.samples["general research use"]
    params = {**HEALTH, "use.account": world.readers["steward"].id}
    assert (await reader.call("GET", f"/api/samples/{id}", params=params)).status_code == 200
    entries = (await world.readers["steward"].call("GET", f"/api/samples/{id}/audit")).json()["entries"]
    declared = {entry["declared"]["use"]["account"] for entry in entries if entry["action"] == "read"}
    assert reader.id in declared
    assert world.readers["steward"].id not in declared
