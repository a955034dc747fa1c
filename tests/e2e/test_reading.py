"""Reading samples: withheld fields, trail, paging, and withdrawal."""

from typing import Any

import pytest

from tests.e2e.test_studies import create_study, set_member
from tests.error_answers import assert_error
from tests.platform import Account, Platform
from tests.waiting import eventually

SAMPLE = {
    "subject": "donor 1",
    "collectionDate": "2019-06-01",
    "metadata": {"body_site": "feces", "age": 34, "disease": "Healthy"},
}


async def test_outsider_sees_public_fields_and_the_classes_of_withheld_ones(platform: Platform) -> None:
    owner, outsider = await platform.account(consented=True), await platform.account("outsider")
    await owner.consent("donor 1")
    sample = await owner.create(**SAMPLE)

    mine = (await owner.call("GET", f"/api/samples/{sample['id']}")).json()
    theirs = (await outsider.call("GET", f"/api/samples/{sample['id']}")).json()

    assert mine["withheldFields"] == []
    assert mine["subject"].startswith("p-")
    assert mine["collectionDate"] == "2019"
    assert mine["metadata"]["age"] == "30-39"
    assert theirs["organism"] == "E. coli"
    assert theirs["metadata"] == {"body_site": "feces"}
    assert (theirs["subject"], theirs["collectionDate"]) == ("", "")
    assert theirs["withheldFields"] == ["quasi-identifying", "sensitive", "restricted"]


@pytest.mark.parametrize("part", ["events", "audit", "privacy"])
async def test_owner_and_steward_read_the_trail(platform: Platform, part: str) -> None:
    owner, outsider, steward = (
        await platform.account(consented=True),
        await platform.account("outsider"),
        await platform.steward(),
    )
    sample = await owner.create()
    path = f"/api/samples/{sample['id']}/{part}"

    answers = [(await account.call("GET", path)).status_code for account in (owner, steward, outsider)]

    assert answers == [200, 200, 404]


async def test_audit_log_is_read_in_pages(platform: Platform) -> None:
    owner, stranger = await platform.account(consented=True), await platform.account()
    sample = await owner.create(metadata={"disease": "Healthy"})
    path = f"/api/samples/{sample['id']}"
    await owner.wait_until_processed(sample["id"])
    for _ in range(4):
        await stranger.call("GET", path, params={"use.purposes": "USE_PURPOSE_HEALTH_RESEARCH"})
    found, token = [], ""
    for size in (3, 3, 1):
        page = (await owner.call("GET", f"{path}/audit", params={"pageSize": 3, "pageToken": token})).json()
        assert len(page["entries"]) == size
        found += [entry["action"] for entry in page["entries"]]
        token = page["nextPageToken"]
    assert found == ["store", "index", "notify", "read", "read", "read", "read"]
    assert token == ""
    foreign = await owner.create()
    first = (await owner.call("GET", f"{path}/audit", params={"pageSize": 3})).json()["nextPageToken"]
    answer = await owner.call("GET", f"/api/samples/{foreign['id']}/audit", params={"pageToken": first})
    assert answer.status_code == 400


@pytest.mark.parametrize(
    "asked",
    [
        'metadata.patient_age = "34 years"',
        "metadata.Host-Age = 34",
        'metadata."Body Site" = "FECES"',
        'collectionDate = "2019-06-01"',
        'collectionDate > "2019-03-01"',
        'metadata.Disease = "healthy"',
        'metadata.scientific_name = "e. COLI"',
    ],
)
async def test_words_of_the_sheet_find_the_sample(platform: Platform, asked: str) -> None:
    owner = await platform.account(consented=True)
    await owner.consent("donor 1")
    sample = await owner.create(**SAMPLE)

    async def found() -> list[str]:
        answer = await owner.call("GET", "/api/samples", params={"filter": f'{asked} AND owner = "{owner.id}"'})
        assert answer.status_code == 200, answer.text
        return [item["id"] for item in answer.json()["samples"]]

    assert await eventually(found) == [sample["id"]]


@pytest.mark.parametrize(
    ("asked", "advice"),
    [
        ('metadata.sex = "robot"', "comparison 1: the value of metadata.sex must be one of"),
        ('state = INDEXED AND metadata.aunt = "x"', "comparison 2: the policy stores no metadata field of this name"),
        ("metadata.age > 40", "stored in bands"),
    ],
)
async def test_filter_that_can_match_nothing_says_what_to_ask(platform: Platform, asked: str, advice: str) -> None:
    reader = await platform.account()
    answer = await reader.call("GET", "/api/samples", params={"filter": asked})
    assert_error(answer, 400, "FILTER_INVALID", {"filter"})
    assert advice in answer.text
    assert "aunt" not in answer.text


async def test_withheld_field_matches_no_filter(platform: Platform) -> None:
    owner, outsider = await platform.account(consented=True), await platform.account("outsider")
    await owner.consent("donor 1")
    sample = await owner.create("Vulpes vulpes gut metagenome", **SAMPLE)
    await owner.wait_until_processed(sample["id"])

    async def found(account, filter: str) -> bool:
        answer = await account.call("GET", "/api/samples", params={"filter": filter})
        assert answer.status_code == 200, answer.text
        return sample["id"] in [item["id"] for item in answer.json()["samples"]]

    organism = 'organism = "Vulpes vulpes gut metagenome"'
    assert await found(owner, organism)
    assert await found(outsider, organism)
    assert await found(owner, f'{organism} AND metadata.disease = "Healthy"')
    assert not await found(outsider, f'{organism} AND metadata.disease = "Healthy"')
    assert not await found(outsider, f'{organism} AND metadata.disease != "Diabetes"')
    assert not await found(outsider, f'{organism} AND collectionDate = "2019"')


async def test_list_pages_through_every_sample_once(platform: Platform) -> None:
    owner = await platform.account(consented=True)
    organism = "Ovis aries gut metagenome"
    created = [(await owner.create(organism))["id"] for _ in range(5)]
    for sample_id in created:
        await owner.wait_until_processed(sample_id)

    seen, token, pages = [], "", 0
    while pages == 0 or token:
        parameters = {"filter": f'organism = "{organism}"', "pageSize": 2, "pageToken": token}
        page = (await owner.call("GET", "/api/samples", params=parameters)).json()
        seen += [sample["id"] for sample in page["samples"]]
        token, pages = page["nextPageToken"], pages + 1

    assert seen == sorted(created, reverse=True)
    assert pages == 3


async def test_withdrawal_hides_samples_that_depend_on_the_consent(platform: Platform) -> None:
    owner, outsider = await platform.account(consented=True), await platform.account("outsider")
    consent = await owner.consent("donor 1")
    sample = await owner.create(**SAMPLE)
    other = await owner.create()
    await owner.wait_until_processed(sample["id"])

    withdrawn = await owner.call("POST", f"/api/consents/{consent}:withdraw", {})
    mine = (await owner.call("GET", f"/api/samples/{sample['id']}")).json()
    theirs = await outsider.call("GET", f"/api/samples/{sample['id']}")
    again = await owner.call("POST", "/api/samples", {"organism": "E. coli", "subject": "donor 1"})

    assert withdrawn.status_code == 200
    assert withdrawn.json()["withdrawTime"]
    assert mine["state"] == "STATE_QUARANTINED"
    assert (mine["organism"], mine["subject"], mine["metadata"]) == ("", "", {})
    assert theirs.status_code == 404
    assert again.status_code == 403
    assert (await outsider.call("GET", f"/api/samples/{other['id']}")).status_code == 200


async def test_only_owner_or_steward_withdraws(platform: Platform) -> None:
    owner, outsider, steward = (
        await platform.account(),
        await platform.account("outsider"),
        await platform.steward(),
    )
    consent = await owner.consent()

    answers = [
        (await account.call("POST", f"/api/consents/{consent}:withdraw", {})).status_code
        for account in (outsider, steward)
    ]

    assert answers == [404, 200]


SPARSE = (
    {"pregnant": "yes"},
    {"pregnancy_week": 22},
    {"menopausal_status": "postmenopausal", "hiv_status": "positive"},
    {"isolation_source": "stool of a patient with leukemia"},
    {"notes": "taken after breakfast", "medication": "metformin"},
    {"smoking_status": "never", "ethnicity": "Basque"},
)


async def test_answers_of_outsiders_do_not_depend_on_what_they_may_not_see(platform: Platform) -> None:
    owner, outsider, reader = await platform.account(consented=True), await platform.account(), await platform.account()
    study = await create_study(owner)
    assert (await set_member(owner, study, reader.id, "STUDY_ROLE_READER")).status_code == 200
    plain = await owner.create(study=study, metadata={"body_site": "feces"})
    kept = 0
    ids = [plain["id"]]
    for sparse in SPARSE:
        sample = await owner.create(study=study, metadata={"body_site": "feces", **sparse})
        kept += len(sample["metadata"]) - 1
        ids.append(sample["id"])
    assert kept >= len(SPARSE)
    for id in ids:
        await owner.wait_until_processed(id)

    async def seen(account: Account, id: str) -> dict[str, Any]:
        sample = (await account.call("GET", f"/api/samples/{id}")).json()
        listed = await account.call("GET", "/api/samples", params={"filter": f'study = "{study}"', "pageSize": 200})
        (same,) = (item for item in listed.json()["samples"] if item["id"] == id)
        assert same == sample
        return {name: value for name, value in sample.items() if name != "id"}

    for account in (outsider, reader):
        first = await seen(account, ids[0])
        for id in ids[1:]:
            assert await seen(account, id) == first
