"""A value that reveals something about the donor is withheld from outsiders in every public field."""

import asyncio
from typing import Any

import pytest_asyncio

from fairdatabase.policy.tables.reader import load_policy
from fairdb.privacy.v1.field_class_pb2 import FIELD_CLASS_PUBLIC
from tests.platform import Account, Platform
from tests.waiting import eventually

FIELDS = sorted(
    field.name
    for field in load_policy().fields.values()
    if field.field_class == FIELD_CLASS_PUBLIC and field.action in ("term", "organism", "study")
)
# A sample may have fewer fields than the policy knows, so each value is planted in every third of them.
PARTS = 3
PLANTED = (
    "stool of a smoker", "ulcerative colitis", "T 2 D", "ICU", "Asthma", "healthy", "non-diabetic", "MONDO:0005180",
    "feces [DOID:8577]", "Hispanic", "infant", "centenarian" , "34F", "pregnant woman", "prostate", "human milk",
    "relapse", "penicillin", "household", "university", "vegan", "small child", "OMIM:143100", "Human papillomavirus",
    "no spleen", "six fingers", "high blood", "no pork", "donor kidney", "missing left arm",
)  # fmt: skip
WITHHELD = ["quasi-identifying", "sensitive", "restricted"]
"""What outsiders are told of every sample, whatever it contains."""
HARMLESS = {"body_site": "tongue dorsum", "env_medium": "feces [ENVO:00002003]", "instrument_model": "Illumina MiSeq"}


@pytest_asyncio.fixture
async def owner(platform: Platform) -> Account:
    return await platform.account(consented=True)


async def found_by(account: Account, filter: str) -> set[str]:
    answer = await account.call("GET", "/api/samples", params={"filter": filter, "pageSize": 200})
    assert answer.status_code == 200, answer.text
    return {sample["id"] for sample in answer.json()["samples"]}


def written(value: str) -> str:
    return '"' + value.replace('"', '\\"') + '"'


async def test_outsider_neither_reads_nor_finds_a_revealing_value(platform: Platform, owner: Account) -> None:
    outsider = await platform.account("outsider")
    stored = 0
    for number, value in enumerate(PLANTED):
        sample = await owner.create(metadata=dict.fromkeys(FIELDS[number % PARTS :: PARTS], value))
        seen: dict[str, Any] = (await outsider.call("GET", f"/api/samples/{sample['id']}")).json()
        stored += len(sample["metadata"])
        assert seen["metadata"] == {}, value
        assert seen["withheldFields"] == WITHHELD
        await owner.wait_until_processed(sample["id"])
        for name in [*sample["metadata"]][::12]:
            condition = f"metadata.{name} = {written(value)}"
            # The owner's answer shows that the filter would find the sample.
            mine, theirs = await asyncio.gather(found_by(owner, condition), found_by(outsider, condition))
            assert sample["id"] in mine, condition
            assert sample["id"] not in theirs, condition
            assert sample["id"] not in await found_by(outsider, f'metadata.{name} != "x"'), condition
    assert stored > 300


async def test_outsider_reads_and_finds_harmless_values(platform: Platform, owner: Account) -> None:
    outsider = await platform.account("outsider")
    sample = await owner.create(metadata=HARMLESS)
    await owner.wait_until_processed(sample["id"])
    seen = (await outsider.call("GET", f"/api/samples/{sample['id']}")).json()
    assert (seen["metadata"], seen["withheldFields"]) == (HARMLESS, WITHHELD)
    for name, value in HARMLESS.items():
        assert sample["id"] in await found_by(outsider, f"metadata.{name} = {written(value)}")


async def test_infection_of_a_donor_is_withheld_and_notifies_no_follower(platform: Platform, owner: Account) -> None:
    outsider = await platform.account("outsider")
    organism = "Human immunodeficiency virus 1"
    for followed in (organism, "Listeria innocua"):
        answer = await outsider.call("POST", "/api/subscriptions", {"organism": followed})
        assert answer.status_code == 200, answer.text
    await owner.consent("donor 771")
    sample = await owner.create(organism, taxonId=11676, subject="donor 771")
    later = await owner.create("Listeria innocua")
    await owner.wait_until_processed(sample["id"])
    await owner.wait_until_processed(later["id"])
    seen = (await outsider.call("GET", f"/api/samples/{sample['id']}")).json()
    assert (seen["organism"], seen["taxonId"]) == ("", 0)
    assert seen["withheldFields"] == WITHHELD
    condition = f"organism = {written(organism)}"
    assert sample["id"] in await found_by(owner, condition)
    assert sample["id"] not in await found_by(outsider, condition)
    assert sample["id"] not in await found_by(outsider, "taxonId = 11676")

    async def notified() -> list[str]:
        answer = await outsider.call("GET", "/api/notifications")
        return [item["sample"] for item in answer.json()["notifications"]]

    await eventually(notified)
    assert await notified() == [later["id"]]


async def test_outsiders_read_numbers_and_places_of_the_environment_but_not_of_a_donor(
    platform: Platform, owner: Account
) -> None:
    outsider = await platform.account("outsider")
    await owner.consent("donor 772")
    metadata = {"ph": "6.834", "temperature": "17.46", "env_local_scale": "village"}
    stored = {"ph": 6.83, "temperature": 17.5, "env_local_scale": "village"}
    seen: dict[str, Any] = {}
    for organism, fields in (("soil metagenome", {}), ("human gut metagenome", {"subject": "donor 772"})):
        sample = await owner.create(organism, metadata=metadata, **fields)
        assert sample["metadata"] == stored
        await owner.wait_until_processed(sample["id"])
        answer = (await outsider.call("GET", f"/api/samples/{sample['id']}")).json()
        seen[organism] = answer["metadata"]
        for condition in (
            "metadata.ph = 6.83",
            "metadata.ph = 6.834",
            "metadata.ph > 6.8",
            "metadata.temperature < 18",
        ):
            assert sample["id"] in await found_by(owner, condition), condition
            assert (sample["id"] in await found_by(outsider, condition)) == (organism == "soil metagenome"), condition
    assert seen == {"soil metagenome": stored, "human gut metagenome": {}}
