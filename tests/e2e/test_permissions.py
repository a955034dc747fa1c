"""Permissions: every cell of the table in docs/permissions.md, on every call that can show a sample."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any

import httpx
import pytest
import pytest_asyncio

from deploy.local.constellation import Constellation
from tests.e2e.readers import ADMINISTRATOR, PERMISSIONS, end_membership, make_readers, table_rows
from tests.platform import Account, Platform

DONOR = "donor of permissions"
SHARED = "if enough donors share it"
OTHERS = [f"donor {number} of permissions" for number in range(2, 6)]
"""With the first donor, as many as the default of a study requires."""
BODY = {
    "organism": "Lemur catta gut metagenome",
    "subject": DONOR,
    "collectionDate": "2019-06-01",
    "metadata": {
        "body_site": "feces",
        "age": 34,
        "disease": "Healthy",
        "notes": "taken after breakfast",
        "age_at_diagnosis": 25,
    },
}
# For each class: the fields of the stored sample, each with its value and a filter that matches the sample.
FIELDS = {
    "public": {"organism": ("Lemur catta gut metagenome", 'organism = "Lemur catta gut metagenome"')}
    | {"metadata.body_site": ("feces", 'metadata.body_site = "feces"')},
    "quasi": {"collectionDate": ("2019", 'collectionDate = "2019"')}
    | {"metadata.age": ("30-39", 'metadata.age = "30-39"'), "subject": (None, 'subject = "{subject}"')},
    "sensitive": {"metadata.disease": ("Healthy", 'metadata.disease = "Healthy"')},
    "restricted": {"metadata.notes": ("taken after breakfast", 'metadata.notes = "taken after breakfast"')}
    | {"metadata.age_at_diagnosis": ("20-29", 'metadata.age_at_diagnosis = "20-29"')},
}


@dataclass(frozen=True)
class Row:
    """The cells of the table for one kind of reader."""

    reader: str
    classes: dict[str, bool]
    trail: bool
    quarantined: bool
    needs_donors: bool
    """Whether the reader sees quasi-identifiers only where enough donors share them."""

    def alone(self) -> "Row":
        """Return the cells for a sample that shares its quasi-identifiers with no other."""
        return replace(self, classes={**self.classes, "quasi": self.classes["quasi"] and not self.needs_donors})


def read_table() -> list[Row]:
    rows = table_rows(PERMISSIONS.read_text().split("\n## ", 1)[0])
    assert rows[0] == ["reader", *FIELDS, "trail", "quarantined sample"]
    yes = {"shown": True, SHARED: True, "state only": True, "withheld": False, "hidden": False}
    yes["for a permitted use"] = False
    return [
        Row(
            reader,
            dict(zip(FIELDS, (yes[c] for c in classes), strict=True)),
            yes[trail],
            yes[quarantined],
            SHARED in classes,
        )
        for reader, *classes, trail, quarantined in rows[1:]
    ]


ROWS = read_table()


@dataclass
class World:
    """Samples of one study, and one account for each row of the table."""

    readers: dict[str, Account]
    sample: dict[str, Any]
    """A sample whose quasi-identifiers enough donors share."""
    alone: dict[str, Any]
    """A sample whose age band no other sample has."""
    quarantined: str
    withdrawn: dict[str, Any]
    """The withdrawn consent of the quarantined sample."""
    notified: dict[str, list[str]]


@pytest_asyncio.fixture(scope="module")
async def world(constellation: Constellation) -> AsyncIterator[World]:
    async with httpx.AsyncClient(base_url=constellation.edge_url, timeout=30) as http:
        yield await make_world(Platform(constellation, http))


async def make_world(platform: Platform) -> World:
    readers, study = await make_readers(platform)
    owner = readers["owner of the sample"]
    for account in readers.values():
        answer = await account.call("POST", "/api/subscriptions", {"study": study})
        assert answer.status_code in (200, 403, 404), answer.text
    await owner.consent(DONOR)
    withdrawn = await owner.consent("another " + DONOR)
    sample = await owner.create(**BODY, study=study)
    quarantined = await owner.create(**{**BODY, "subject": "another " + DONOR}, study=study)
    others = []
    for donor in (*OTHERS, "old " + DONOR):
        await owner.consent(donor)
        age = 34 if donor in OTHERS else 77
        metadata = {**BODY["metadata"], "age": age}
        others.append(await owner.create(**{**BODY, "subject": donor, "metadata": metadata}, study=study))
    for id in (sample["id"], quarantined["id"], *(other["id"] for other in others)):
        await owner.wait_until_processed(id)
    consent = (await owner.call("POST", f"/api/consents/{withdrawn}:withdraw", {})).json()
    await end_membership(readers, study)
    notified = {}
    for name, account in readers.items():
        answer = await account.call("GET", "/api/notifications")
        found = answer.json()["notifications"] if answer.status_code == 200 else []
        notified[name] = [item["sample"] for item in found]
    return World(readers, sample, others[-1], quarantined["id"], consent, notified)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.reader)
async def test_get_shows_what_the_table_says(world: World, row: Row) -> None:
    answer = await world.readers[row.reader].call("GET", f"/api/samples/{world.sample['id']}")
    assert answer.status_code == 200
    assert_shows(answer.json(), row, world)
    alone = await world.readers[row.reader].call("GET", f"/api/samples/{world.alone['id']}")
    assert_shows(alone.json(), row.alone(), world, world.alone)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.reader)
async def test_list_shows_what_the_table_says(world: World, row: Row) -> None:
    found = {item["id"]: item for item in await list_samples(world, row, "")}
    assert_shows(found[world.sample["id"]], row, world)
    assert_shows(found[world.alone["id"]], row.alone(), world, world.alone)
    assert (world.quarantined in found) == row.quarantined
    if row.quarantined:
        assert_state_only(found[world.quarantined], world)


def filters() -> list[tuple[str, str, str]]:
    return [(c, name, text) for c, fields in FIELDS.items() for name, (_, text) in fields.items()]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.reader)
@pytest.mark.parametrize(("field_class", "name", "text"), filters(), ids=str)
async def test_withheld_field_matches_no_filter(world: World, row: Row, field_class: str, name: str, text: str) -> None:
    filter = text.format(subject=world.sample["subject"])
    # A withheld field must match neither a filter for its value nor a filter for any other value.
    for condition, matches in ((filter, True), (filter.replace(" = ", " != "), False), (f'{name} != "x"', True)):
        found = {item["id"] for item in await list_samples(world, row, condition)}
        assert (world.sample["id"] in found) == (matches and row.classes[field_class]), condition
        if field_class == "quasi" and row.needs_donors:
            assert world.alone["id"] not in found, condition
        assert world.quarantined not in found


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.reader)
@pytest.mark.parametrize("part", ["events", "audit", "privacy"])
async def test_trail_is_shown_as_the_table_says(world: World, row: Row, part: str) -> None:
    reader = world.readers[row.reader]
    for id in (world.sample["id"], world.quarantined):
        answer = await reader.call("GET", f"/api/samples/{id}/{part}")
        # An administrator lacks the role that these calls require.
        denied = 403 if row.reader == ADMINISTRATOR else 404
        assert answer.status_code == (200 if row.trail else denied), answer.text
        if not row.trail:
            assert_reveals_nothing(answer.text)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.reader)
async def test_quarantined_sample_is_shown_as_the_table_says(world: World, row: Row) -> None:
    answer = await world.readers[row.reader].call("GET", f"/api/samples/{world.quarantined}")
    if row.quarantined:
        assert_state_only(answer.json(), world)
    else:
        assert answer.status_code == 404
        assert_reveals_nothing(answer.text)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.reader)
async def test_follower_is_notified_of_each_sample(world: World, row: Row) -> None:
    # Owners are not notified of their own samples. Administrators, and those with no part in a study, cannot follow it.
    notified = row.reader not in ("owner of the sample", "researcher with no part in it", ADMINISTRATOR)
    expected = {world.sample["id"], world.quarantined, world.alone["id"]} if notified else set()
    assert len(world.notified[row.reader]) == (3 + len(OTHERS)) * notified
    assert expected <= {*world.notified[row.reader]}


async def list_samples(world: World, row: Row, filter: str) -> list[dict[str, Any]]:
    # Other tests store more samples than a page has, in random order.
    ours = " AND ".join(filter_ for filter_ in (filter, f'study = "{world.sample["study"]}"') if filter_)
    answer = await world.readers[row.reader].call("GET", "/api/samples", params={"filter": ours, "pageSize": 200})
    assert answer.status_code == 200, answer.text
    return answer.json()["samples"]


def value_of(sample: dict[str, Any], name: str) -> Any:
    return sample["metadata"].get(name.removeprefix("metadata."), "") if "." in name else sample[name]


def assert_shows(sample: dict[str, Any], row: Row, world: World, stored: dict[str, Any] | None = None) -> None:
    """Check that a sample shows what the row says. `stored`: the whole sample, by default `world.sample`."""
    for field_class, fields in FIELDS.items():
        for name in fields:
            expected = value_of(stored or world.sample, name)
            assert value_of(sample, name) == (expected if row.classes[field_class] else ""), name
    # The classes of what is withheld, not the fields, which might say something about the donor.
    named = {"quasi": "quasi-identifying"}
    assert sample["withheldFields"] == [named.get(name, name) for name in FIELDS if not row.classes[name]]
    for time in (sample["createTime"], sample["updateTime"]):
        assert time.endswith("T00:00:00Z") != row.trail


def assert_state_only(sample: dict[str, Any], world: World) -> None:
    assert sample["state"] == "STATE_QUARANTINED"
    assert sample["quarantine"] == {"consent": world.withdrawn["id"], "time": sample["quarantine"]["time"]}
    assert sample["quarantine"]["time"] >= world.withdrawn["withdrawTime"][:19]
    for fields in FIELDS.values():
        for name in fields:
            assert value_of(sample, name) == "", name
            assert name in sample["withheldFields"]


def assert_reveals_nothing(text: str) -> None:
    for fields in FIELDS.values():
        for value, _ in fields.values():
            assert value is None or value not in text
