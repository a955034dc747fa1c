"""Studies and their members, over REST."""

from typing import Any
from uuid import uuid4

import pytest

from tests.error_answers import assert_error, reason_of, violated_fields
from tests.platform import Account, Platform


async def create_study(owner: Account, title: str = "gut over a year", **fields: Any) -> str:
    answer = await owner.call("POST", "/api/studies", {"title": title, **fields})
    assert answer.status_code == 200, answer.text
    return answer.json()["id"]


async def set_member(owner: Account, study: str, account: str, role: str) -> Any:
    return await owner.call("POST", f"/api/studies/{study}/members", {"account": account, "role": role})


async def test_study_is_shown_to_owner_members_and_stewards_only(platform: Platform) -> None:
    owner, member, outsider = [await platform.account() for _ in range(3)]
    steward = await platform.steward()
    study = await create_study(owner)
    assert (await set_member(owner, study, member.id, "STUDY_ROLE_READER")).status_code == 200

    shown = [await account.call("GET", f"/api/studies/{study}") for account in (owner, member, steward, outsider)]

    assert [answer.status_code for answer in shown] == [200, 200, 200, 404]
    roles = [answer.json()["role"] for answer in shown[:3]]
    assert roles == ["STUDY_ROLE_OWNER", "STUDY_ROLE_READER", "STUDY_ROLE_UNSPECIFIED"]
    assert {answer.json()["title"] for answer in shown[:3]} == {"gut over a year"}
    for account, expected in ((owner, True), (member, True), (outsider, False)):
        listed = (await account.call("GET", "/api/studies")).json()["studies"]
        assert (study in [item["id"] for item in listed]) == expected


@pytest.mark.parametrize(("role", "status"), [("STUDY_ROLE_CURATOR", 201), ("STUDY_ROLE_READER", 404), (None, 404)])
async def test_only_curators_add_samples(platform: Platform, role: str | None, status: int) -> None:
    owner, sender = await platform.account(), await platform.account(consented=True)
    study = await create_study(owner)
    if role:
        await set_member(owner, study, sender.id, role)
    answer = await sender.call("POST", "/api/samples", {"organism": "E. coli", "study": study})
    assert answer.status_code == status
    if status == 201:
        assert answer.json()["study"] == study
        assert (await owner.call("GET", f"/api/samples/{answer.json()['id']}/events")).status_code == 200
    else:
        assert reason_of(answer) == "STUDY_NOT_FOUND"


async def test_only_the_owner_changes_members(platform: Platform) -> None:
    owner, curator, other = [await platform.account() for _ in range(3)]
    study = await create_study(owner)
    await set_member(owner, study, curator.id, "STUDY_ROLE_CURATOR")
    await set_member(owner, study, other.id, "STUDY_ROLE_READER")

    assert (await set_member(curator, study, other.id, "STUDY_ROLE_CURATOR")).status_code == 404
    assert (await curator.call("DELETE", f"/api/studies/{study}/members/{other.id}")).status_code == 404
    members = (await curator.call("GET", f"/api/studies/{study}/members")).json()["members"]
    assert {item["account"]: item["role"] for item in members} == {
        curator.id: "STUDY_ROLE_CURATOR",
        other.id: "STUDY_ROLE_READER",
    }


async def test_access_ends_with_the_membership(platform: Platform) -> None:
    owner, member = await platform.account(consented=True), await platform.account()
    study = await create_study(owner, readerK=1)
    sample = await owner.create(study=study, metadata={"age": 34})
    path = f"/api/samples/{sample['id']}"

    async def sees_age() -> bool:
        return "age" in (await member.call("GET", path)).json()["metadata"]

    assert not await sees_age()
    await set_member(owner, study, member.id, "STUDY_ROLE_READER")
    assert await sees_age()
    left = await member.call("DELETE", f"/api/studies/{study}/members/{member.id}")
    assert left.status_code == 200
    assert not await sees_age()
    again = await owner.call("DELETE", f"/api/studies/{study}/members/{member.id}")
    assert (again.status_code, reason_of(again)) == (404, "MEMBER_NOT_FOUND")


async def test_list_pages_through_all_studies(platform: Platform) -> None:
    owner = await platform.account()
    created = [await create_study(owner, f"study {n}") for n in range(5)]
    found, token = [], ""
    for _ in range(3):
        page = (await owner.call("GET", "/api/studies", params={"pageSize": 2, "pageToken": token})).json()
        found += [item["id"] for item in page["studies"]]
        token = page["nextPageToken"]
    assert found == created[::-1]
    assert token == ""


@pytest.mark.parametrize(
    ("member", "field"),
    [
        ({"role": "STUDY_ROLE_READER"}, "member.account"),
        ({"account": "Zebulon", "role": "STUDY_ROLE_READER"}, "member.account"),
        ({"account": str(uuid4())}, "member.role"),
        ({"account": str(uuid4()), "role": "STUDY_ROLE_OWNER"}, "member.role"),
        ({"account": "the owner's", "role": "STUDY_ROLE_READER"}, "member.account"),
    ],
)
async def test_invalid_member_is_refused(platform: Platform, member: dict[str, str], field: str) -> None:
    owner = await platform.account()
    study = await create_study(owner)
    account = owner.id if member.get("account") == "the owner's" else member.get("account", "")
    answer = await owner.call("POST", f"/api/studies/{study}/members", {**member, "account": account})
    assert answer.status_code == 400
    assert violated_fields(answer) == [field]
    assert "Zebulon" not in answer.text


@pytest.mark.parametrize("title", ["", "  ", "samples of zq@canary.example", "born 1961-03-17"])
async def test_blank_or_identifying_title_is_refused(platform: Platform, title: str) -> None:
    owner = await platform.account()
    answer = await owner.call("POST", "/api/studies", {"title": title})
    assert answer.status_code == 400
    assert violated_fields(answer) == ["study.title"]
    assert title == "" or title not in answer.text


async def test_only_those_who_may_read_a_study_follow_it(platform: Platform) -> None:
    owner, member, outsider = await platform.account(consented=True), await platform.account(), await platform.account()
    study = await create_study(owner)
    assert (await set_member(owner, study, member.id, "STUDY_ROLE_READER")).status_code == 200
    for unreadable in (study, study.upper(), outsider.id):
        refused = await outsider.call("POST", "/api/subscriptions", {"study": unreadable})
        assert_error(refused, 404, "STUDY_NOT_FOUND")
    assert (await outsider.call("GET", "/api/subscriptions")).json()["subscriptions"] == []
    for followed in ({"study": study.upper()}, {"organism": "Bos taurus gut metagenome"}):
        assert (await member.call("POST", "/api/subscriptions", followed)).status_code == 200
    assert (await (await platform.steward()).call("POST", "/api/subscriptions", {"study": study})).status_code == 200

    async def notified(account: Account) -> set[str]:
        answer = await account.call("GET", "/api/notifications")
        assert answer.status_code == 200, answer.text
        return {item["sample"] for item in answer.json()["notifications"]}

    by_study = (await owner.create("Ovis aries gut metagenome", study=study))["id"]
    by_both = (await owner.create("Bos taurus gut metagenome", study=study))["id"]
    for id in (by_study, by_both):
        await owner.wait_until_processed(id)
    assert await notified(member) >= {by_study, by_both}
    # The organism may be followed by everybody, the study no longer by the member.
    removed = await owner.call("DELETE", f"/api/studies/{study}/members/{member.id}")
    assert removed.status_code == 200, removed.text
    later = (await owner.create("Ovis aries gut metagenome", study=study))["id"]
    await owner.wait_until_processed(later)
    assert {by_study, by_both, later} & await notified(member) == {by_both}


NAMED = {
    "Gut flora of the Kowalczyk family": "Kowalczyk",
    "Stool of Maria Lindqvist": "Lindqvist",
    "patients of Dr. Okonkwo": "Okonkwo",
    "Cohort, Lindenlaan 14, Arnhem": "Lindenlaan",
    "Follow-up of Jean-Pierre Moreau": "Moreau",
    "Case MRN 48213377": "48213377",
}


@pytest.mark.parametrize("title", NAMED)
async def test_title_loses_names(platform: Platform, title: str) -> None:
    owner, member = await platform.account(), await platform.account()
    created = (await owner.call("POST", "/api/studies", {"title": title})).json()
    assert created["redactedFields"] == ["title"]
    path = f"/api/studies/{created['id']}"
    assert (await set_member(owner, created["id"], member.id, "STUDY_ROLE_READER")).status_code == 200
    shown = (await member.call("GET", path)).json()
    assert NAMED[title] not in shown["title"]
    assert "[redacted]" in shown["title"]
    assert shown["redactedFields"] == []
    plain = (await owner.call("PATCH", path, {"title": "Soil microbiome along the coast"})).json()
    assert (plain["title"], plain["redactedFields"]) == ("Soil microbiome along the coast", [])
    again = (await owner.call("PATCH", path, {"title": title})).json()
    assert (again["title"], again["redactedFields"]) == (shown["title"], ["title"])
    other = (await owner.call("PATCH", path, {"readerK": 7})).json()
    assert other["redactedFields"] == []
