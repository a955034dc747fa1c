"""`fairdb sagas` against a whole constellation."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import islice
from uuid import UUID, uuid4

import asyncpg
import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestServer

from fairdatabase.client import Session
from fairdb.system.v1.saga_service_pb2 import Saga
from tests.e2e.command import Ended, run_fairdb
from tests.platform import PASSWORD, Account, Platform
from tests.waiting import eventually

STEPS = ["validate", "anonymise", "store", "index", "notify"]
MARKUP = "[bold red]not markup[/] " + "x" * 100


def rows_of(ended: Ended) -> list[list[str]]:
    """Return the cells of the printed tables, without their headings."""
    lines = [line for line in ended.output.splitlines() if line.startswith("│")]
    return [[cell.strip() for cell in line.split("│")[1:-1]] for line in lines]


def facts_of(shown: Ended) -> dict[str, str]:
    """Return what `show` prints above the table."""
    return dict(re.split(r" {2,}", line, maxsplit=1) for line in shown.output.splitlines()[:12])


async def run(edge_url: str, email: str, *words: str, stdin: str = "", password: str = PASSWORD) -> Ended:
    """Run `fairdb sagas`."""
    return await run_fairdb(edge_url, email, "sagas", *words, stdin=stdin, password=password)


async def run_as(account: Account, platform: Platform, *words: str) -> Ended:
    return await run(platform.constellation.edge_url, account.email, *words)


async def wait_until_done(admin: Account, saga_id: str) -> None:
    async def done() -> bool:
        return (await admin.call("GET", f"/api/sagas/{saga_id}")).json()["state"] == "STATE_DONE"

    await eventually(done)


@asynccontextmanager
async def parked(
    platform: Platform, saga_id: str, state: Saga.State.ValueType, version: int = 1
) -> AsyncIterator[None]:
    """Reset a completed saga to `state` and park it. The saga is deleted at the end."""
    connection = await asyncpg.connect(platform.constellation.env_of("gateway")["FAIRDB_DATABASE_URL"])
    try:
        # Make the saga due much later: otherwise the gateway could finish it before the command runs.
        change = """
            UPDATE saga SET parked = true, state = $2, version = $3, waiting = 'index: OVERDUE',
                due_at = now() + interval '1 hour'
            WHERE id = $1
        """
        await connection.execute(change, UUID(saga_id), state, version)
        yield
    finally:
        await connection.execute("DELETE FROM saga WHERE id = $1", UUID(saga_id))
        await connection.close()


async def test_administrator_follows_a_creation_to_its_end(platform: Platform) -> None:
    admin, researcher = await platform.admin(), await platform.account(consented=True)
    sample = await researcher.create()

    async def listed_as_done() -> list[str] | None:
        ended = await run_as(admin, platform, "list")
        assert (ended.code, ended.errors) == (0, "")
        (row,) = [row for row in rows_of(ended) if row[0] == sample["id"]]
        return row if row[2] == "done" else None

    row = await eventually(listed_as_done)
    assert row is not None
    assert (row[1], row[4], row[5]) == ("create_sample", "", researcher.id)
    assert re.fullmatch(r"\d+ (s|min)", row[3])

    shown = await run_as(admin, platform, "show", sample["id"])
    assert (shown.code, shown.errors) == (0, "")
    assert [cells[:2] for cells in rows_of(shown)] == [[step, "done"] for step in STEPS]
    saga = (await admin.call("GET", f"/api/sagas/{sample['id']}")).json()
    assert facts_of(shown) == {
        "saga": sample["id"],
        "definition": "create_sample, version 1",
        "state": "done",
        "parked while": "–",
        "why": "–",
        "account": researcher.id,
        "correlation id": saga["correlationId"],
        "gateway": saga["gateway"],
        "fencing token": saga["fencingToken"],
        "started": saga["createTime"],
        "last change": saga["updateTime"],
        "next attempt": "–",
    }


async def test_json_output_is_the_answer_of_the_platform(platform: Platform) -> None:
    admin, researcher = await platform.admin(), await platform.account(consented=True)
    older, newer = await researcher.create(), await researcher.create()
    for sample in (older, newer):
        await wait_until_done(admin, sample["id"])

    listed = await run_as(admin, platform, "list", "--state", "Done", "--limit", "2", "--json")
    shown = await run_as(admin, platform, "show", older["id"], "--json")

    assert [saga["id"] for saga in json.loads(listed.output)] == [newer["id"], older["id"]]
    assert json.loads(shown.output) == (await admin.call("GET", f"/api/sagas/{older['id']}")).json()


async def test_truncated_list_says_so(platform: Platform) -> None:
    admin, researcher = await platform.admin(), await platform.account(consented=True)
    older, newer = [(await researcher.create())["id"] for _ in range(2)]

    short = await run_as(admin, platform, "list", "--limit", "1")
    assert [row[0] for row in rows_of(short)] == [newer]
    assert "There are more" in short.output
    whole = await run_as(admin, platform, "list", "--limit", "100000")
    assert [row[0] for row in rows_of(whole)][:2] == [newer, older]
    assert "There are more" not in whole.output

    def list_page_after_page() -> list[str]:
        with Session(platform.constellation.edge_url) as session:
            session.log_in(admin.email, PASSWORD)
            return [saga["id"] for saga in islice(session.list_sagas(page_size=1), 2)]

    assert await asyncio.to_thread(list_page_after_page) == [newer, older]


async def test_other_roles_are_refused(platform: Platform) -> None:
    researcher = await platform.account()
    for words in (["list"], ["show", str(uuid4())], ["retry", "--all-parked"], ["cancel", str(uuid4())]):
        ended = await run_as(researcher, platform, *words)
        assert (ended.code, ended.output) == (1, ""), words
        assert re.fullmatch(r"Refused: 403 ACCESS_DENIED: .*\(roles: admin\)\n", ended.errors), words


async def test_completed_saga_can_be_neither_retried_nor_cancelled(platform: Platform) -> None:
    admin, researcher = await platform.admin(), await platform.account(consented=True)
    sample = await researcher.create()
    await wait_until_done(admin, sample["id"])

    for word, reason in (("retry", "SAGA_NOT_PARKED"), ("cancel", "SAGA_NOT_CANCELLABLE")):
        ended = await run_as(admin, platform, word, sample["id"])
        assert (ended.code, ended.output) == (1, "")
        assert ended.errors.startswith(f"Refused: 400 {reason}: ")
        assert ended.errors.count("\n") == 1


async def test_unknown_saga_is_not_found(platform: Platform) -> None:
    admin = await platform.admin()
    for word in ("show", "retry", "cancel"):
        ended = await run_as(admin, platform, word, str(uuid4()))
        assert (ended.code, ended.output) == (1, "")
        assert ended.errors.startswith("Refused: 404 SAGA_NOT_FOUND: ")


async def test_every_parked_saga_is_retried_even_after_a_refusal(platform: Platform) -> None:
    admin, researcher = await platform.admin(), await platform.account(consented=True)
    known, unknown_version = [(await researcher.create())["id"] for _ in range(2)]
    for id in (known, unknown_version):
        await wait_until_done(admin, id)

    async with parked(platform, known, Saga.STATE_FINISHING):
        # The newer saga is retried first. The retry is refused, because no gateway knows the saga's version.
        async with parked(platform, unknown_version, Saga.STATE_FINISHING, version=999):
            listed = await run_as(admin, platform, "list", "--state", "PARKED")
            assert [[row[0], row[2], row[4]] for row in rows_of(listed)] == [
                [unknown_version, "parked", "index: OVERDUE"],
                [known, "parked", "index: OVERDUE"],
            ]
            ended = await run_as(admin, platform, "retry", "--all-parked")
            assert (ended.code, ended.output) == (1, f"{known}: finishing\n")
            assert ended.errors.startswith(f"{unknown_version}: 400 SAGA_DEFINITION_UNKNOWN: ")
        await wait_until_done(admin, known)
        ended = await run_as(admin, platform, "retry", "--all-parked")
        assert (ended.code, ended.output, ended.errors) == (0, "There are no parked sagas.\n", "")


async def test_parked_saga_is_retried_or_cancelled_by_its_id(platform: Platform) -> None:
    admin, researcher = await platform.admin(), await platform.account(consented=True)
    id = (await researcher.create())["id"]
    await wait_until_done(admin, id)

    async with parked(platform, id, Saga.STATE_FINISHING):
        ended = await run_as(admin, platform, "retry", id)
        assert (ended.code, ended.errors) == (0, "")
        # The gateway may finish before the command reads the state.
        assert ended.output in (f"{id}: finishing\n", f"{id}: done\n")
        await wait_until_done(admin, id)
    id = (await researcher.create())["id"]
    await wait_until_done(admin, id)
    async with parked(platform, id, Saga.STATE_RUNNING):
        ended = await run_as(admin, platform, "cancel", id)
        assert (ended.code, ended.errors) == (0, "")
        assert ended.output in (f"{id}: running (CANCELLED)\n", f"{id}: finishing\n", f"{id}: done\n")
        # The saga is past its pivot, because its sample is stored, so it completes.
        await wait_until_done(admin, id)


async def test_password_may_come_from_standard_input(platform: Platform) -> None:
    admin, edge_url = await platform.admin(), platform.constellation.edge_url

    right = await run(edge_url, admin.email, "list", "--json", password="", stdin=f"{PASSWORD}\n")
    assert (right.code, right.errors) == (0, "")
    wrong = await run(edge_url, admin.email, "list", password="", stdin="not it\n")
    assert (wrong.code, wrong.output) == (1, "")
    assert wrong.errors.startswith("Refused: 401 CREDENTIALS_WRONG: ")
    none = await run(edge_url, admin.email, "list", password="")
    assert (none.code, none.output) == (2, "")
    assert "FAIRDB_PASSWORD" in none.errors


async def test_session_ends_with_its_command(platform: Platform) -> None:
    admin = await platform.admin()
    connection = await asyncpg.connect(platform.constellation.env_of("auth_svc")["FAIRDB_DATABASE_URL"])
    try:
        open_sessions = "SELECT count(*) FROM session WHERE account_id = $1"
        before = await connection.fetchval(open_sessions, UUID(admin.id))
        assert before > 0
        assert (await run_as(admin, platform, "list")).code == 0
        assert (await run_as(admin, platform, "show", str(uuid4()))).code == 1
        assert await connection.fetchval(open_sessions, UUID(admin.id)) == before
    finally:
        await connection.close()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["list", "--state", "stuck"], ["running", "undoing", "finishing", "parked", "done", "undone"]),
        (["list", "--state", "unspecified"], ["parked"]),
        (["list", "--limit", "0"], ["--limit"]),
        (["show", "nonsense"], ["ID", "UUID"]),
        (["retry"], ["--all-parked"]),
        (["retry", str(uuid4()), "--all-parked"], ["--all-parked"]),
    ],
)
async def test_invalid_argument_is_a_usage_error(words: list[str], said: list[str]) -> None:
    # No server listens on this port. A command that calls the platform would report a connection error.
    ended = await run("http://127.0.0.1:1", "admin@example.org", *words)
    assert (ended.code, ended.output) == (2, "")
    assert [word for word in said if word not in ended.errors] == []


@pytest_asyncio.fixture
async def strange_edge() -> AsyncIterator[str]:
    """A fake edge that returns a saga containing markup, and refuses a retry with a message of several lines."""
    words = ("id", "definition", "reason", "waiting", "actor", "correlationId", "gateway")
    saga = dict.fromkeys(words, MARKUP) | dict.fromkeys(("createTime", "updateTime"), "2026-01-01T00:00:00Z")
    step = {"name": MARKUP, "outcome": "OUTCOME_FAILED", "reason": MARKUP}
    saga |= {"version": 1, "state": "STATE_[I]", "fencingToken": "1", "steps": [step]}

    async def answer(request: web.Request) -> web.Response:
        if request.path.endswith(":retry"):
            return web.json_response({"message": f"{MARKUP}\nand more"}, status=400)
        tokens = {"accessToken": "a", "refreshToken": "r"}
        return web.json_response({**saga, **tokens, "sagas": [saga], "nextPageToken": ""})

    edge = web.Application()
    edge.router.add_route("*", "/{path:.*}", answer)
    async with TestServer(edge) as server:
        yield str(server.make_url("/"))


async def test_texts_of_the_platform_are_printed_literally(strange_edge: str) -> None:
    shown = await run(strange_edge, "admin@example.org", "show", str(uuid4()))
    facts = facts_of(shown)
    assert (facts["saga"], facts["why"], facts["state"]) == (MARKUP, f"{MARKUP}, {MARKUP}", "[i]")
    # A long cell continues on the next line.
    assert rows_of(shown)[0] == ["[bold red]not markup[/]", "failed", "", "[bold red]not markup[/]"]

    listed = await run(strange_edge, "admin@example.org", "list")
    assert (listed.output.count("x"), "…" in listed.output) == (5 * 100, False)
    assert "[bold" in listed.output

    refused = await run(strange_edge, "admin@example.org", "retry", str(uuid4()))
    assert refused.errors == f"Refused: 400: {MARKUP} and more\n"
