"""Previews, over REST."""

from tests.platform import Platform

SAMPLE = {
    "organism": "E. coli",
    "subject": "donor 7",
    "metadata": {"Body Site": "feces", "host_age": 34, "email": "donor@example.net", "colour": "blue"},
}


async def test_preview_equals_the_later_creation_and_stores_nothing(platform: Platform) -> None:
    researcher = await platform.account()
    preview = await researcher.call("POST", "/api/samples:preview", SAMPLE)
    assert preview.status_code == 200, preview.text
    fields = {field["name"]: field for field in preview.json()["fields"]}
    assert {name: field["outcome"].removeprefix("OUTCOME_") for name, field in fields.items()} == {
        "organism": "KEPT",
        "subject": "CHANGED",
        "metadata.Body Site": "KEPT",
        "metadata.host_age": "CHANGED",
        "metadata.email": "DROPPED",
        "metadata.colour": "DROPPED",
    }
    assert preview.json()["policyVersion"]
    samples = (await researcher.call("GET", "/api/samples")).json()["samples"]
    assert researcher.id not in {sample["owner"] for sample in samples}

    await researcher.consent()
    await researcher.consent("donor 7")
    created = await researcher.create(**SAMPLE)
    assert created["owner"] == researcher.id
    assert created["metadata"] == {
        field["storedName"].removeprefix("metadata."): field["storedValue"]
        for field in fields.values()
        if field["storedName"].startswith("metadata.")
    }
    assert fields["subject"]["storedValue"] == "p-…" != created["subject"]


async def test_preview_lists_violations(platform: Platform) -> None:
    researcher = await platform.account()
    sample = {"organism": "Jane Doe", "metadata": {"age": "soon"}}
    answer = await researcher.call("POST", "/api/samples:preview", sample)
    assert answer.status_code == 200, answer.text
    assert {violation["field"] for violation in answer.json()["violations"]} == {"sample.organism"}
    fields = {field["name"]: field for field in answer.json()["fields"]}
    assert fields["metadata.age"]["advice"] == "must be a number of years"


async def test_preview_requires_a_token(platform: Platform) -> None:
    answer = await platform.http.post("/api/samples:preview", json=SAMPLE)
    assert answer.status_code == 401
