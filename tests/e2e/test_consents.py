"""Consents and data use conditions, over REST."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from fairdb.privacy.v1.consent_service_pb2 import CheckConsentRequest
from fairdb.privacy.v1.consent_service_pb2_grpc import ConsentServiceStub
from tests.e2e.test_studies import set_member
from tests.error_answers import assert_error
from tests.platform import Account, Platform

SECRET = "Zebulon"
NOBODYS = "0192f0c4-0000-7000-8000-000000000000"
DIABETES = {"id": "DUO:0000007", "diseases": ["MONDO:0005148"]}
ETHICS, PUBLISH, GENERAL = ({"id": f"DUO:{id}"} for id in ("0000021", "0000019", "0000042"))
TOMORROW = (datetime.now(UTC) + timedelta(days=1)).isoformat()


def ids(items: Sequence[dict[str, Any]]) -> list[str]:
    return [item["id"] for item in items]


async def match(account: Account, **body: Any) -> httpx.Response:
    return await account.call("POST", "/api/dataUse:match", body)


async def test_consent_shows_what_was_recorded(platform: Platform) -> None:
    researcher = await platform.account(consented=True)
    study = (await researcher.create())["study"]
    stated = {"study": study, "dataUse": [DIABETES, ETHICS], "textVersion": "2026-03", "expireTime": TOMORROW}
    body = {"purpose": "data_sharing", "subject": "donor 7", **stated}

    granted = (await researcher.call("POST", "/api/consents", body)).json()
    again = (await researcher.call("POST", "/api/consents", body)).json()
    listed = (await researcher.call("GET", "/api/consents")).json()["consents"]
    sharing = (await researcher.call("GET", "/api/consents?purpose=data_sharing&inForce=true")).json()["consents"]

    assert granted == again == listed[0]
    assert (granted["study"], granted["textVersion"], granted["inForce"]) == (study, "2026-03", True)
    assert [term["id"] for term in granted["dataUse"]] == ["DUO:0000007", "DUO:0000021"]
    assert granted["dataUse"][0]["diseases"] == ["MONDO:0005148"]
    assert granted["expireTime"][:19] == TOMORROW[:19]
    assert (len(listed), ids(sharing)) == (2, [granted["id"]])
    await researcher.call("POST", f"/api/consents/{granted['id']}:withdraw", {})
    assert (await researcher.call("GET", "/api/consents?purpose=data_sharing&inForce=true")).json()["consents"] == []


async def test_consent_for_a_study_needs_write_access_to_it(platform: Platform) -> None:
    researcher, other = await platform.account(consented=True), await platform.account(consented=True)
    study, elsewhere = (await researcher.create())["study"], (await other.create())["study"]
    await researcher.consent("donor 7", study=study)

    there = await researcher.call("POST", "/api/samples", {"organism": "E. coli", "subject": "donor 7", "study": study})
    refused = await researcher.call("POST", "/api/consents", {"purpose": "sample_creation", "study": elsewhere})

    assert there.status_code == 201
    assert_error(refused, 404, "STUDY_NOT_FOUND", {"study"})


BAD = {
    "unknown term": ({"dataUse": [GENERAL, {"id": "DUO:0009999"}]}, {"dataUse.1.id"}),
    "malformed term id": ({"dataUse": [{"id": SECRET}]}, {"dataUse.0.id"}),
    "a group of terms": ({"dataUse": [{"id": "DUO:0000001"}]}, {"dataUse.0.id", "dataUse"}),
    "disease specific without a disease": ({"dataUse": [{"id": "DUO:0000007"}]}, {"dataUse.0.diseases"}),
    "disease is not an id": ({"dataUse": [{**DIABETES, "diseases": [SECRET]}]}, {"dataUse.0.diseases"}),
    "moratorium without a date": ({"dataUse": [GENERAL, {"id": "DUO:0000024"}]}, {"dataUse.1.date"}),
    "time limit in the past": (
        {"dataUse": [GENERAL, {"id": "DUO:0000025", "date": "2020-01-01"}]},
        {"dataUse.1.date"},
    ),
    "modifier without a permission": ({"dataUse": [ETHICS]}, {"dataUse"}),
    "two permissions": ({"dataUse": [GENERAL, DIABETES]}, {"dataUse"}),
    "expiry in the past": ({"expireTime": "2020-01-01T00:00:00Z"}, {"expireTime"}),
    "expiry in more than 100 years": ({"expireTime": "9020-01-01T00:00:00Z"}, {"expireTime"}),
    "version with a name": ({"textVersion": SECRET}, {"textVersion"}),
    "version is a date of the last century": ({"textVersion": "1961-03-17"}, {"textVersion"}),
    "study is not an id": ({"study": SECRET}, {"study"}),
    "everything at once": (
        {
            "dataUse": [{"id": "DUO:0000007"}, {"id": "DUO:0009999"}],
            "subject": " ",
            "expireTime": "2020-01-01T00:00:00Z",
        },
        {"dataUse.0.diseases", "dataUse.1.id", "subject", "expireTime"},
    ),
}


@pytest.mark.parametrize(("fields", "named"), BAD.values(), ids=BAD)
async def test_invalid_consent_is_refused_and_not_recorded(
    platform: Platform, fields: dict[str, Any], named: set[str]
) -> None:
    researcher = await platform.account()
    refused = await researcher.call("POST", "/api/consents", {"purpose": "sample_creation", **fields})
    assert_error(refused, 400, "INVALID_REQUEST", named)
    assert SECRET not in refused.text
    assert (await researcher.call("GET", "/api/consents")).json()["consents"] == []


async def test_consent_for_an_unknown_study_is_refused(platform: Platform) -> None:
    researcher = await platform.account()
    refused = await researcher.call("POST", "/api/consents", {"purpose": "sample_creation", "study": NOBODYS})
    assert_error(refused, 404, "STUDY_NOT_FOUND", {"study"})


async def test_consents_are_found_by_donor(platform: Platform) -> None:
    one, two, steward = await platform.account(), await platform.account(), await platform.steward()
    donor = f"donor {one.id}"
    mine, theirs = await one.consent(donor), await two.consent(donor)

    async def find(account: Account, subject: str = donor) -> httpx.Response:
        return await account.call("POST", "/api/consents:find", {"subject": subject})

    assert ids((await find(one)).json()["consents"]) == [mine]
    assert ids((await find(steward)).json()["consents"]) == [theirs, mine]
    assert (await find(steward, f"{donor}0")).json()["consents"] == []
    assert_error(await find(one, ""), 400, "INVALID_REQUEST", {"subject"})
    assert_error(await find(one, " \u200b "), 400, "INVALID_REQUEST", {"subject"})


async def test_withdrawal_reaches_every_spelling_of_the_donor(platform: Platform) -> None:
    owner = await platform.account(consented=True)
    consent = await owner.consent("Vol 042 b")
    spellings = ["Vol 042 b", "vol042B", "VOL-042-B", "vol_042.b\u200b", "(Vol) 042/b"]
    made = [await owner.create(subject=spelling) for spelling in spellings]
    in_metadata = await owner.create(metadata={"host_subject_id": "Vol.042 B"})
    other = await owner.call("POST", "/api/samples", {"organism": "E. coli", "subject": "Vol 42 b"})
    found = await owner.call("POST", "/api/consents:find", {"subject": "VOL 042B"})

    assert len({sample["subject"] for sample in [*made, in_metadata]}) == 1
    assert_error(other, 403, "CONSENT_REQUIRED")
    assert ids(found.json()["consents"]) == [consent]
    withdrawn = await owner.call("POST", f"/api/consents/{consent}:withdraw", {})
    assert withdrawn.status_code == 200, withdrawn.text
    for sample in [*made, in_metadata]:
        shown = (await owner.call("GET", f"/api/samples/{sample['id']}")).json()
        assert (shown["state"], shown["metadata"], shown["subject"]) == ("STATE_QUARANTINED", {}, "")


async def test_only_stewards_and_services_check_consents(platform: Platform) -> None:
    researcher, steward = await platform.account(consented=True), await platform.steward()
    study = (await researcher.create())["study"]
    consent = await researcher.consent("donor 7", study=study)
    question = {"purpose": "sample_creation", "account": researcher.id, "subject": "donor 7"}

    there = await steward.call("POST", "/api/consents:check", {**question, "study": study})
    anywhere = await steward.call("POST", "/api/consents:check", question)
    own = await steward.call("POST", "/api/consents:check", {**question, "subject": ""})
    forbidden = await researcher.call("POST", "/api/consents:check", question)
    async with platform.constellation.channel("privacy_svc", "gateway") as channel:
        answer = await ConsentServiceStub(channel).CheckConsent(
            CheckConsentRequest(**question, study=study), metadata=platform.service_metadata("gateway", "privacy_svc")
        )

    assert (there.json()["inForce"], there.json()["consent"]["id"]) == (True, consent)
    assert anywhere.json() == {"inForce": False}
    assert own.json()["inForce"] is True
    assert_error(forbidden, 403, "ACCESS_DENIED")
    assert (answer.in_force, answer.consent.id) == (True, consent)
    await researcher.call("POST", f"/api/consents/{consent}:withdraw", {})
    after = await steward.call("POST", "/api/consents:check", {**question, "study": study})
    assert after.json()["inForce"] is False


async def test_sample_keeps_its_data_use_terms(platform: Platform) -> None:
    owner = await platform.account(consented=True)
    await owner.consent("donor 7", dataUse=[DIABETES, ETHICS])
    sample = await owner.create(subject="donor 7")
    without_terms = await owner.create()
    await owner.consent("donor 7", dataUse=[GENERAL])

    privacy = (await owner.call("GET", f"/api/samples/{sample['id']}/privacy")).json()
    no_terms = (await owner.call("GET", f"/api/samples/{without_terms['id']}/privacy")).json()

    assert ids(privacy["dataUse"]) == ["DUO:0000007", "DUO:0000021"]
    assert privacy["dataUse"][0]["diseases"] == ["MONDO:0005148"]
    assert ids(no_terms["dataUse"]) == ["DUO:0000001"]


async def test_use_is_matched_against_a_sample(platform: Platform) -> None:
    owner, reader = await platform.account(consented=True), await platform.account("reader")
    consent = await owner.consent("donor 7", dataUse=[DIABETES, ETHICS])
    created = await owner.create(subject="donor 7")
    sample = created["id"]
    assert (await set_member(owner, created["study"], reader.id, "STUDY_ROLE_READER")).status_code == 200
    diabetes = {"purposes": ["USE_PURPOSE_DISEASE_RESEARCH"], "diseases": ["MONDO:0005148"]}

    allowed = (await match(reader, sample=sample, use={**diabetes, "ethicsApproved": True})).json()
    undecided = (await match(reader, sample=sample, use=diabetes)).json()
    denied = (await match(reader, sample=sample, use={"purposes": ["USE_PURPOSE_ANCESTRY_RESEARCH"]})).json()
    unknown = await match(reader, sample=NOBODYS, use=diabetes)

    assert (allowed["outcome"], allowed["term"]) == ("USE_OUTCOME_ALLOWED", "DUO:0000007")
    assert (undecided["outcome"], undecided["term"]) == ("USE_OUTCOME_NEEDS_PERSON", "DUO:0000021")
    assert (denied["outcome"], denied["term"]) == ("USE_OUTCOME_DENIED", "DUO:0000007")
    assert denied["findings"][0]["label"] == "disease specific research"
    assert denied["reason"]
    assert_error(unknown, 404, "SAMPLE_NOT_FOUND")
    withdrawn = await owner.call("POST", f"/api/consents/{consent}:withdraw", {})
    assert withdrawn.status_code == 200, withdrawn.text
    assert_error(await match(reader, sample=sample, use=diabetes), 404, "SAMPLE_NOT_FOUND")
    mine = (await match(owner, sample=sample, use={**diabetes, "ethicsApproved": True})).json()
    assert (mine["outcome"], mine["term"]) == ("USE_OUTCOME_NEEDS_PERSON", "DUO:0000001")


async def test_use_is_matched_against_given_terms(platform: Platform) -> None:
    reader, other = await platform.account(), await platform.account()
    terms = [GENERAL, {"id": "DUO:0000026", "accounts": [reader.id]}]
    use = {"purposes": ["USE_PURPOSE_GENERAL_RESEARCH"]}

    # The account in the declaration is ignored: the token decides.
    mine = (await match(reader, terms=terms, use={**use, "account": other.id})).json()
    theirs = (await match(other, terms=terms, use={**use, "account": reader.id})).json()
    new = (await match(reader, terms=[GENERAL, {"id": "DUO:0009999"}], use=use)).json()

    assert mine["outcome"] == "USE_OUTCOME_ALLOWED"
    assert (theirs["outcome"], theirs["term"]) == ("USE_OUTCOME_DENIED", "DUO:0000026")
    assert (new["outcome"], new["term"]) == ("USE_OUTCOME_NEEDS_PERSON", "DUO:0009999")


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"sample": NOBODYS, "terms": [GENERAL], "use": {}}, {"terms"}),
        ({"terms": [GENERAL]}, {"use"}),
        ({"sample": SECRET, "use": {}}, {"sample"}),
        ({"terms": [{"id": SECRET}], "use": {}}, {"terms.0.id"}),
        ({"terms": [GENERAL], "use": {"country": "nl", "endDate": "June"}}, {"use.country", "use.endDate"}),
        ({"terms": [GENERAL], "use": {"purposes": ["USE_PURPOSE_UNSPECIFIED"]}}, {"use.purposes.0"}),
    ],
)
async def test_invalid_match_is_refused(platform: Platform, body: dict[str, Any], named: set[str]) -> None:
    reader = await platform.account()
    refused = await match(reader, **body)
    assert_error(refused, 400, "INVALID_REQUEST", named)
    assert SECRET not in refused.text
