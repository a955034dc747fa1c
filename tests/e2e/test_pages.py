"""The commands in the README, the tutorial and the operators' pages do what the pages promise."""

import json
import re
import secrets
from typing import Any
from uuid import uuid4

import aio_pika

from chassis.events import broker
from fairdb.events.v1.event_pb2 import Event
from tests.pasting import paste, paste_python, read_blocks
from tests.platform import PASSWORD, Platform

# Replace `make up`, which would start another platform: the test's platform is already running.
MAKE = "make() { [ $# -eq 1 ] && [ $1 = up ]; }\n"


# Matches a JSON answer on one line, or indented by `json.tool`.
ANSWER = re.compile(r"^(?:\{.+\}|\{\n(?: .*\n)+\})$", re.MULTILINE)


def answers_in(output: str) -> list[Any]:
    return [json.loads(answer) for answer in ANSWER.findall(output)]


def other_lines(output: str) -> list[str]:
    return [line for line in ANSWER.sub("", output).splitlines() if line]


def counts_of(answer: dict[str, Any]) -> dict[str, int]:
    """Return the counts of rows in a summary."""
    return {name: count for name, count in answer["summary"].items() if isinstance(count, int)}


RARE = "Hungatella hathewayi"


async def test_the_readmes_session_works_when_pasted(platform: Platform) -> None:
    output = await paste(read_blocks("README.md"), {"FAIRDB_EDGE_URL": platform.constellation.edge_url})

    account, consent, stored, found = answers_in(output)
    assert other_lines(output) == []
    assert account["roles"] == ["ROLE_RESEARCHER"]
    assert consent["purpose"] == "sample_creation"
    assert stored["metadata"] == {"body_site": "feces", "age": "30-39"}
    assert stored["droppedFields"] == ["email"]
    assert "samples" in found


async def test_the_readmes_python_works_when_pasted(platform: Platform) -> None:
    example = read_blocks("README.md", "python")

    # Run the example twice, because it must create a new account each time.
    for _ in range(2):
        output = await paste_python(example, {"FAIRDB_EDGE_URL": platform.constellation.edge_url})

        assert "'organism': 'E. coli'" in output


async def test_the_tutorial_works_when_pasted(platform: Platform) -> None:
    # Other tests create so many samples of E. coli that the tutorial's may not be on the first page.
    script = (MAKE + read_blocks("docs/tutorial.md")).replace("E. coli", RARE)

    output = await paste(script, {"FAIRDB_EDGE_URL": platform.constellation.edge_url})

    assert other_lines(output) == [
        "1 row: 1 new, 0 stored before, 0 refused",
        "Dropped from every row, never stored: sample_name",
    ]
    account, refused, _, stored, preview, _, of_donor, first, again, *imported, found, health = answers_in(output)
    assert account["roles"] == ["ROLE_RESEARCHER"]
    assert refused["details"][0]["reason"] == "CONSENT_REQUIRED"
    assert stored["metadata"] == {"body_site": "feces", "age": "30-39"}
    assert stored["droppedFields"] == ["email"]
    assert [field.get("storedValue") for field in preview["fields"]] == [RARE, "feces", "30-39", None]
    assert of_donor["subject"].startswith("p-")
    assert first["id"] == again["id"] != of_donor["id"]
    names = [answer["columns"][0]["field"] for answer in imported if "columns" in answer]
    assert names == ["sample_name"] * 3
    row, bad, summary, same_row, corrected, complete, reported = [a for a in imported if "columns" not in a]
    assert bad["error"]["violations"][0]["field"] == "sample.organism"
    assert row == same_row
    assert counts_of(summary) == {"rows": 2, "stored": 1, "repeated": 0, "refused": 1}
    assert counts_of(complete) == {"rows": 2, "stored": 2, "repeated": 1, "refused": 0}
    assert {row["id"], corrected["id"], reported["id"]} < {sample["id"] for sample in found["samples"]}
    assert health["status"] == "healthy"


async def test_every_filter_on_the_page_about_filters_finds_its_sample(platform: Platform) -> None:
    page = "docs/reference/filters.md"
    owner = await platform.account(consented=True)
    sample = await owner.create(**json.loads(read_blocks(page, "json")))
    await owner.wait_until_processed(sample["id"])

    for example in read_blocks(page, "filter").splitlines():
        parameters = {"filter": f'{example} AND owner = "{owner.id}"'}
        answer = await owner.call("GET", "/api/samples", params=parameters)
        assert [found["id"] for found in answer.json()["samples"]] == [sample["id"]], example


async def test_the_operators_commands_work_when_pasted(platform: Platform) -> None:
    email = f"admin-{secrets.token_hex(6)}@example.org"
    script = read_blocks("docs/howto/operate.md").replace("admin@example.org", email)

    output = await paste_as_operator(platform, script, stdin=PASSWORD)

    assert f"{email} is an administrator" in output
    assert answers_in(output)[0]["status"] == "healthy"
    assert re.search(r"gateway .* running", output)
    assert "backend_svc.index" in output
    admin = await platform.log_in(email)
    assert (await admin.call("GET", "/api/sagas")).status_code == 200


async def test_a_dead_letter_is_replayed_when_the_page_is_pasted(platform: Platform) -> None:
    event_id = await bury_an_event(platform)

    output = await paste_as_operator(platform, read_blocks("docs/howto/replay-a-dead-letter.md"))

    assert event_id in output
    assert re.search(r"backend_svc\.index: [1-9]\d* replayed", output)


async def paste_as_operator(platform: Platform, script: str, stdin: str = "") -> str:
    """Paste lines of an operators' page so that they use the test's platform instead of one started by `make up`."""
    root, edge_url = platform.constellation.layout.root, platform.constellation.edge_url
    admin = '.venv/bin/python -m deploy.local exec auth_svc -- .venv/bin/python -m auth_svc.first_admin "${2#EMAIL=}"'
    script = f"make() {{ [ $1 = admin ] && {admin}; }}\n{script}"
    script = re.sub(r"-m deploy\.local (\w+)", rf"-m deploy.local \1 --root {root}", script)
    return await paste(script.replace("http://127.0.0.1:8000", edge_url), {"FAIRDB_EDGE_URL": edge_url}, stdin)


async def bury_an_event(platform: Platform) -> str:
    """Add a dead letter that changes nothing when it is handled; return the id of its event."""
    event = Event(id=str(uuid4()), type="sample.anonymized", subject=str(uuid4()), sequence=1)
    event.time.GetCurrentTime()
    connection = await aio_pika.connect(platform.constellation.env_of("backend_svc")["FAIRDB_BROKER_URL"])
    async with connection:
        channel = await connection.channel()
        message = aio_pika.Message(event.SerializeToString(), message_id=event.id, type=event.type)
        await channel.default_exchange.publish(message, broker.dead_name("backend_svc.index"))
    return event.id
