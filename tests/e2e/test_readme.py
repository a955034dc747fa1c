"""The README's session does what it promises when it is pasted."""

import asyncio
import json
import os
import re
import sys

import pytest

from tests.platform import Platform


async def test_the_session_works_when_pasted(platform: Platform, pytestconfig: pytest.Config) -> None:
    readme = (pytestconfig.rootpath / "README.md").read_text()
    (session,) = re.findall(r"```sh\n(.*?)```", readme, re.DOTALL)

    process = await asyncio.create_subprocess_exec(
        "bash",
        "-eu",
        env={**os.environ, "FAIRDB_EDGE_URL": platform.constellation.edge_url},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, errors = await process.communicate(session.encode())
    assert (process.returncode, errors.decode()) == (0, "")

    lines = output.decode().splitlines()
    assert [line for line in lines if not line.startswith("{")] == ["1 row: 1 new, 0 stored before, 0 refused"]
    answers = [json.loads(line) for line in lines if line.startswith("{")]
    account, refused, _, stored, preview, _, of_donor, first, again, *imported, found, health = answers
    assert account["roles"] == ["ROLE_RESEARCHER"]
    assert refused["details"][0]["reason"] == "CONSENT_REQUIRED"
    assert stored["metadata"] == {"body_site": "feces", "age": "30-39"}
    assert stored["droppedFields"] == ["email"]
    assert [field.get("storedValue") for field in preview["fields"]] == ["E. coli", "feces", "30-39", None]
    assert of_donor["subject"].startswith("p-")
    assert first["id"] == again["id"] != of_donor["id"]
    row, bad, summary, same_row, mended, complete, reported = imported
    assert bad["error"]["violations"][0]["field"] == "sample.metadata.age"
    assert row == same_row
    assert {row["id"], mended["id"], reported["id"]} < {sample["id"] for sample in found["samples"]}
    assert summary["summary"] == {"rows": 2, "stored": 1, "repeated": 0, "refused": 1}
    assert complete["summary"] == {"rows": 2, "stored": 2, "repeated": 1, "refused": 0}
    assert "samples" in found
    assert health["status"] == "healthy"


async def test_the_python_example_works_when_pasted(platform: Platform, pytestconfig: pytest.Config) -> None:
    readme = (pytestconfig.rootpath / "README.md").read_text()
    (example,) = re.findall(r"```python\n(.*?)```", readme, re.DOTALL)
    example = example.replace("http://127.0.0.1:8000", platform.constellation.edge_url)

    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, errors = await process.communicate(example.encode())

    assert (process.returncode, errors.decode()) == (0, "")
    assert b"'organism': 'E. coli'" in output
