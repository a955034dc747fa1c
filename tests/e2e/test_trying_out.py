"""Nobody finds the terms of a donor's consent by trying out declared uses."""

from typing import Any

import pytest

from tests.e2e.test_studies import set_member
from tests.error_answers import assert_error
from tests.platform import Account, Platform

DISEASES = [f"MONDO:{number:07}" for number in (5301, 5575, 4975, 4979, 5015, 5147, 5148, 8383, 5180, 2009)]
DISEASE_RESEARCH = ["USE_PURPOSE_DISEASE_RESEARCH"]
SPECIFIC: dict[str, dict[str, Any]] = {
    "disease": {"id": "DUO:0000007", "diseases": [DISEASES[2]]},
    "place": {"id": "DUO:0000022", "countries": ["PT"]},
    "institution": {"id": "DUO:0000028", "institutions": ["05wg1m734"]},
    "research type": {"id": "DUO:0000012", "researchTypes": ["NCIT:C15273"]},
    "end": {"id": "DUO:0000025", "date": "2031-05-05"},
    "publication": {"id": "DUO:0000024", "date": "2031-05-05"},
}
# Each pair: a declaration that satisfies the term, and one that does not.
TRIED: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "disease": ({"diseases": [DISEASES[2]]}, {"diseases": [DISEASES[3]]}),
    "place": ({"country": "PT"}, {"country": "DK"}),
    "institution": ({"institution": "05wg1m734"}, {"institution": "03yrm5c26"}),
    "research type": ({"researchTypes": ["NCIT:C15273"]}, {"researchTypes": ["NCIT:C15188"]}),
    "end": ({"endDate": "2030-01-01"}, {"endDate": "2032-01-01"}),
    "publication": ({"publishDate": "2032-01-01"}, {"publishDate": "2030-01-01"}),
}


async def make_sample(platform: Platform, terms: list[dict[str, Any]]) -> tuple[Account, dict[str, Any]]:
    """Return the owner of a new sample, and the sample, whose donor consented to these terms."""
    owner = await platform.account(consented=True)
    await owner.consent("d1", dataUse=terms)
    sample = await owner.create("human gut metagenome", subject="d1", metadata={"disease": "asthma"})
    await owner.wait_until_processed(sample["id"])
    return owner, sample


async def match(account: Account, sample: str, **use: Any) -> dict[str, Any]:
    body = {"sample": sample, "use": {"purposes": DISEASE_RESEARCH, **use}}
    answer = await account.call("POST", "/api/dataUse:match", body)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def entries(owner: Account, sample: str, reader: Account) -> list[dict[str, Any]]:
    """Return the audit entries of a reader."""
    answer = await owner.call("GET", f"/api/samples/{sample}/audit", params={"pageSize": 200})
    return [entry for entry in answer.json()["entries"] if entry["actor"] == reader.id]


@pytest.mark.parametrize("kind", SPECIFIC)
async def test_outsider_gets_the_same_answer_for_every_value(platform: Platform, kind: str) -> None:
    permission = [] if kind == "disease" else [{"id": "DUO:0000042"}]
    owner, sample = await make_sample(platform, [*permission, SPECIFIC[kind]])
    outsider, reader = await platform.account(), await platform.account()
    assert (await set_member(owner, sample["study"], reader.id, "STUDY_ROLE_READER")).status_code == 200
    right, wrong = TRIED[kind]
    answers = [await match(outsider, sample["id"], **use) for use in (right, wrong, {})]
    assert answers[0] == answers[1] == answers[2]
    assert answers[0]["outcome"] == "USE_OUTCOME_NEEDS_PERSON"
    assert (answers[0]["term"], answers[0]["findings"]) == ("", [])
    assert SPECIFIC[kind]["id"] not in str(answers)
    # A reader of the study sees the terms.
    assert (await match(reader, sample["id"], **right))["outcome"] == "USE_OUTCOME_ALLOWED"
    assert (await match(reader, sample["id"], **wrong))["outcome"] != "USE_OUTCOME_ALLOWED"
    # All are in the audit log; the owner's own matches are not.
    await match(owner, sample["id"], **right)
    recorded = await entries(owner, sample["id"], outsider)
    assert [entry["action"] for entry in recorded] == ["match"] * 3
    assert len(await entries(owner, sample["id"], reader)) == 2
    owned = [entry["action"] for entry in await entries(owner, sample["id"], owner)]
    assert "match" not in owned


async def test_outsider_learns_whether_a_general_use_is_permitted(platform: Platform) -> None:
    _, sample = await make_sample(platform, [{"id": "DUO:0000006"}, {"id": "DUO:0000045"}])
    outsider = await platform.account()
    outcomes = [
        (await match(outsider, sample["id"], notForProfit=True))["outcome"],
        (await match(outsider, sample["id"], notForProfit=False))["outcome"],
        (await match(outsider, sample["id"]))["outcome"],
    ]
    assert outcomes == ["USE_OUTCOME_ALLOWED", "USE_OUTCOME_DENIED", "USE_OUTCOME_NEEDS_PERSON"]


async def test_only_a_few_different_declarations_are_accepted(platform: Platform) -> None:
    owner, sample = await make_sample(platform, [{"id": "DUO:0000007", "diseases": [DISEASES[-1]]}])
    _, other = await make_sample(platform, [{"id": "DUO:0000007", "diseases": [DISEASES[-1]]}])
    outsider = await platform.account()

    async def read(disease: str, id: str = sample["id"]) -> Any:
        use = {"use.purposes": DISEASE_RESEARCH[0], "use.diseases": disease}
        return await outsider.call("GET", f"/api/samples/{id}", params=use)

    # It does not matter which sample is read.
    for number, disease in enumerate(DISEASES[:5]):
        answer = await read(disease, (sample, other)[number % 2]["id"])
        assert (answer.status_code, answer.json()["metadata"]) == (200, {})
    for refused in (await read(DISEASES[-1]), await read(DISEASES[5], other["id"])):
        assert_error(refused, 429, "TOO_MANY_DECLARED_USES")
        assert "asthma" not in refused.text
    body = {"sample": sample["id"], "use": {"purposes": DISEASE_RESEARCH, "diseases": [DISEASES[6]]}}
    assert_error(await outsider.call("POST", "/api/dataUse:match", body), 429, "TOO_MANY_DECLARED_USES")
    listed = await outsider.call(
        "GET",
        "/api/samples",
        params={
            "filter": f'study = "{sample["study"]}"',
            "use.purposes": DISEASE_RESEARCH[0],
            "use.diseases": DISEASES[-1],
        },
    )
    assert_error(listed, 429, "TOO_MANY_DECLARED_USES")
    # Repeating is not limited, nor is reading without a declaration.
    assert (await read(DISEASES[0])).status_code == 200
    assert (await outsider.call("GET", f"/api/samples/{sample['id']}")).status_code == 200
    actions = [entry["action"] for entry in await entries(owner, sample["id"], outsider)]
    assert actions == ["read"] * 3 + ["refuse"] * 3 + ["read"]
    # Other accounts are not affected.
    permitted = await (await platform.account()).call(
        "GET",
        f"/api/samples/{sample['id']}",
        params={"use.purposes": DISEASE_RESEARCH[0], "use.diseases": DISEASES[-1]},
    )
    assert "disease" in permitted.json()["metadata"]
