"""A study's readers see quasi-identifiers only where enough donors share them."""

from typing import Any

import pytest

from tests.e2e.test_studies import create_study, set_member
from tests.error_answers import reason_of, violated_fields
from tests.platform import Account, Platform

METADATA = {"age": 52, "sex": "male", "country": "Portugal", "body_site": "feces"}


async def make_study(platform: Platform, **fields: Any) -> tuple[Account, Account, str]:
    """Return the owner of a new study, a reader, and the study."""
    owner, reader = await platform.account(consented=True), await platform.account()
    study = await create_study(owner, **fields)
    assert (await set_member(owner, study, reader.id, "STUDY_ROLE_READER")).status_code == 200
    return owner, reader, study


async def add(owner: Account, study: str, donor: str = "", **fields: Any) -> str:
    """Create a sample, index it, and return its id."""
    if donor:
        await owner.consent(donor)
    body = {"study": study, "subject": donor, "collectionDate": "2014-02-03", "metadata": {**METADATA, **fields}}
    sample = await owner.create("human gut metagenome", **body)
    await owner.wait_until_processed(sample["id"])
    return sample["id"]


async def find(account: Account, study: str, condition: str) -> set[str]:
    text = f'study = "{study}" AND {condition}'
    answer = await account.call("GET", "/api/samples", params={"filter": text, "pageSize": 200})
    assert answer.status_code == 200, answer.text
    return {item["id"] for item in answer.json()["samples"]}


async def quasi_identifiers(account: Account, id: str) -> set[str]:
    """Return the names of the quasi-identifiers that an account sees."""
    sample = (await account.call("GET", f"/api/samples/{id}")).json()
    shown = {name for name in ("age", "sex", "country") if name in sample["metadata"]}
    shown |= {name for name in ("subject", "collectionDate") if sample[name]}
    assert ("quasi-identifying" in sample["withheldFields"]) == (not shown)
    assert shown in (set(), ALL - {"subject"}, ALL)
    return shown


ALL = {"age", "sex", "country", "subject", "collectionDate"}


async def test_readers_see_a_class_from_k_donors_on_and_a_withdrawal_hides_it_again(platform: Platform) -> None:
    owner, reader, study = await make_study(platform, readerK=3)
    first = await add(owner, study, "d1")
    await add(owner, study, "d1")
    second = await add(owner, study, "d2")
    other = await add(owner, study, "d4", sex="female")
    assert await quasi_identifiers(reader, first) == set()
    assert await find(reader, study, 'metadata.sex = "Male"') == set()

    async def unchanged() -> list[str]:
        sample = (await reader.call("GET", f"/api/samples/{first}")).json()
        return [sample[name] for name in ("etag", "createTime", "updateTime", "state", "id")]

    before = await unchanged()
    consent = await owner.consent("d3")
    third = await add(owner, study, "d3")
    assert await quasi_identifiers(reader, first) == ALL
    # Nothing else of the sample tells when the class became large.
    assert await unchanged() == before
    assert len(await find(reader, study, 'metadata.sex = "Male" AND metadata.country = "Portugal"')) == 4
    # The other class has one donor. No filter tells its values, and none tells that they differ.
    assert await quasi_identifiers(reader, other) == set()
    for condition in ('metadata.sex = "Female"', 'metadata.sex != "Male"', 'collectionDate = "2014"', 'subject != "x"'):
        assert other not in await find(reader, study, condition)

    withdrawn = await owner.call("POST", f"/api/consents/{consent}:withdraw", {})
    assert withdrawn.status_code == 200
    for id in (first, second):
        assert await quasi_identifiers(reader, id) == set()
        assert await quasi_identifiers(owner, id) == ALL
    assert await find(reader, study, 'metadata.sex = "Male"') == set()
    assert (await reader.call("GET", f"/api/samples/{third}")).status_code == 404


async def test_owner_chooses_k_and_members_see_it(platform: Platform) -> None:
    owner, reader, study = await make_study(platform)
    path = f"/api/studies/{study}"
    assert (await reader.call("GET", path)).json()["readerK"] == 5
    sample = await add(owner, study, "d1")
    assert await quasi_identifiers(reader, sample) == set()

    changed = await owner.call("PATCH", path, {"readerK": 1})
    assert changed.status_code == 200, changed.text
    assert (changed.json()["readerK"], changed.json()["title"]) == (1, "gut over a year")
    assert (await reader.call("GET", path)).json()["readerK"] == 1
    assert await quasi_identifiers(reader, sample) == ALL

    renamed = await owner.call("PATCH", path, {"title": "gut over  two years"}, params={"updateMask": "title"})
    assert (renamed.json()["readerK"], renamed.json()["title"]) == (1, "gut over two years")
    masked = await owner.call("PATCH", path, {"title": "unread", "readerK": 2}, params={"updateMask": "readerK"})
    assert (masked.json()["readerK"], masked.json()["title"]) == (2, "gut over two years")
    assert await quasi_identifiers(reader, sample) == set()


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "updateMask"),
        ({"isDefault": True}, "updateMask"),
        ({"readerK": -1}, "study.readerK"),
        ({"readerK": 1001}, "study.readerK"),
        ({"title": "of ana@canary.example"}, "study.title"),
    ],
)
async def test_invalid_change_is_refused(platform: Platform, body: dict[str, Any], field: str) -> None:
    owner = await platform.account()
    study = await create_study(owner)
    answer = await owner.call("PATCH", f"/api/studies/{study}", body)
    assert answer.status_code == 400, answer.text
    assert violated_fields(answer) == [field]


async def test_only_the_owner_changes_a_study(platform: Platform) -> None:
    owner, reader, study = await make_study(platform)
    curator, steward = await platform.account(), await platform.steward()
    await set_member(owner, study, curator.id, "STUDY_ROLE_CURATOR")
    for account in (reader, curator):
        answer = await account.call("PATCH", f"/api/studies/{study}", {"readerK": 1})
        assert (answer.status_code, reason_of(answer)) == (404, "STUDY_NOT_FOUND")
    assert (await steward.call("PATCH", f"/api/studies/{study}", {"readerK": 1})).status_code in (403, 404)
    assert (await owner.call("GET", f"/api/studies/{study}")).json()["readerK"] == 5


async def test_pseudonym_that_would_link_two_classes_is_withheld(platform: Platform) -> None:
    owner, reader, study = await make_study(platform, readerK=2)
    earlier = [await add(owner, study, donor) for donor in ("d1", "d2")]
    assert await quasi_identifiers(reader, earlier[0]) == ALL
    later = [await add(owner, study, donor, age=66) for donor in ("d2", "d3")]
    for id in (*earlier, *later):
        assert await quasi_identifiers(reader, id) == ALL - {"subject"}
        assert await quasi_identifiers(owner, id) == ALL
    assert await find(reader, study, 'subject != "x"') == set()
    assert len(await find(owner, study, 'subject != "x"')) == 4


async def test_samples_without_a_donor_do_not_make_a_class_large(platform: Platform) -> None:
    owner, reader, study = await make_study(platform, readerK=2)
    ids = [await add(owner, study) for _ in range(3)]
    ids.append(await add(owner, study, "d1"))
    for id in ids:
        assert await quasi_identifiers(reader, id) == set()
    ids.append(await add(owner, study, "d2"))
    assert await quasi_identifiers(reader, ids[0]) == ALL - {"subject"}
    assert await quasi_identifiers(reader, ids[-1]) == ALL


async def test_visits_of_one_donor_do_not_make_a_class_large(platform: Platform) -> None:
    owner, reader, study = await make_study(platform, readerK=3)
    visits = ("R5 visit 1", "r5_V2", "R5-T3", "R5 2nd visit", "R5 day 14", "R5 2014-02-03", "R5 sample 2 aliquot 1")
    ids = [await add(owner, study, visit) for visit in visits]
    ids.append(await add(owner, study, "R6"))
    for id in ids:
        assert await quasi_identifiers(reader, id) == set()
    # Consents and pseudonyms remain those of the subjects.
    subjects = {(await owner.call("GET", f"/api/samples/{id}")).json()["subject"] for id in ids}
    assert len(subjects) == len(ids)
    refused = await owner.call(
        "POST", "/api/samples", {"organism": "human gut metagenome", "study": study, "subject": "R5 visit 9"}
    )
    assert (refused.status_code, reason_of(refused)) == (403, "CONSENT_REQUIRED")
    await add(owner, study, "R7 visit 1")
    assert await quasi_identifiers(reader, ids[0]) == ALL
