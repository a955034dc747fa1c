"""Readers: the tables of docs/permissions.md, and an account for each reader that they list."""

from pathlib import Path

from tests.platform import Account, Platform

PERMISSIONS = Path(__file__).parents[2] / "docs" / "permissions.md"
ADMINISTRATOR = "administrator with no part in it"


def table_rows(text: str) -> list[list[str]]:
    """Return the cells of every table row in a Markdown text, titles included."""
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


async def make_readers(platform: Platform) -> tuple[dict[str, Account], str]:
    """Create an account for each reader. Returns them by name, and the study in which they have their roles."""
    study_owner = await platform.account("study-owner")
    study = (await study_owner.call("POST", "/api/studies", {"title": "permissions"})).json()["id"]
    owner = await platform.account("owner", consented=True)
    readers = {
        "owner of the sample": owner,
        "owner of its study": study_owner,
        "curator of its study": await platform.account("curator"),
        "reader of its study": await platform.account("reader"),
        "steward": await platform.steward(),
        "researcher with no part in it": await platform.account("nobody"),
        ADMINISTRATOR: await platform.with_roles("ROLE_ADMIN"),
    }
    roles = {"owner of the sample": "CURATOR", "curator of its study": "CURATOR", "reader of its study": "READER"}
    for name, role in roles.items():
        member = {"account": readers[name].id, "role": f"STUDY_ROLE_{role}"}
        answer = await study_owner.call("POST", f"/api/studies/{study}/members", member)
        assert answer.status_code == 200, answer.text
    return readers, study


async def end_membership(readers: dict[str, Account], study: str) -> None:
    """Remove the samples' owner from the study, so that only ownership of the samples remains."""
    owner, study_owner = readers["owner of the sample"], readers["owner of its study"]
    answer = await study_owner.call("DELETE", f"/api/studies/{study}/members/{owner.id}")
    assert answer.status_code == 200, answer.text
