"""The `fairdb sagas` commands: administrators inspect sagas, and retry or cancel those that are stuck."""

import json
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import Annotated, Any
from uuid import UUID

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from fairdatabase.client.access import EDGE_URL, EdgeUrl, Email, logged_in
from fairdatabase.client.session import ApiError, Session
from fairdatabase.client.terminal import FAILED, print_error
from fairdb.system.v1.saga_service_pb2 import Saga

_STATES = [name.removeprefix("STATE_").lower() for name in Saga.State.keys()[1:]]  # not STATE_UNSPECIFIED
_PAGE_SIZE = 200
_NOTHING = "–"


def _read_state(word: str) -> str:
    """Return the state's name in the API. Raises BadParameter."""
    if word.lower() not in _STATES:
        raise typer.BadParameter(f"{word!r} is not one of {', '.join(_STATES)}")
    return f"STATE_{word.upper()}"


app = typer.Typer(
    no_args_is_help=True,
    help="Inspect sagas, and retry or cancel those that are stuck. A saga is the series of steps that creates a "
    "sample. For administrators: log in with --email; the password comes from FAIRDB_PASSWORD or a prompt.",
)
Id = Annotated[
    UUID, typer.Argument(metavar="ID", help="The saga's id, which is also the id of the sample that it creates.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the platform's answer as JSON.")]


@app.command(name="list")
def list_command(
    email: Email,
    state: Annotated[
        str | None,
        typer.Option(parser=_read_state, metavar="STATE", help=f"Only sagas in this state: {', '.join(_STATES)}."),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, metavar="N", help="Print at most this many, newest first.")] = 50,
    as_json: AsJson = False,
    edge_url: EdgeUrl = EDGE_URL,
) -> None:
    """List sagas, newest first."""
    with logged_in(edge_url, email) as session:
        # Fetch one more than the limit, to find out whether there are more.
        found = list(islice(session.list_sagas(state or "", min(limit + 1, _PAGE_SIZE)), limit + 1))
    sagas = found[:limit]
    if as_json:
        _print_json(sagas)
        return
    _console().print(_table_of(sagas) if sagas else "There are no such sagas.")
    if len(found) > limit:
        _console().print("There are more: raise --limit to see them.")


@app.command(name="show")
def show_command(id: Id, email: Email, as_json: AsJson = False, edge_url: EdgeUrl = EDGE_URL) -> None:
    """Show a saga step by step."""
    with logged_in(edge_url, email) as session:
        saga = session.get_saga(str(id))
    if as_json:
        _print_json(saga)
        return
    console = _console()
    for name, value in _facts_of(saga).items():
        console.print(Text.assemble((f"{name:<16}", "bold"), value or _NOTHING), soft_wrap=True)
    console.print(_steps_of(saga))


@app.command(name="retry")
def retry_command(
    email: Email,
    id: Annotated[UUID | None, typer.Argument(metavar="ID", help="The saga's id.")] = None,
    all_parked: Annotated[bool, typer.Option("--all-parked", help="Retry every parked saga.")] = False,
    edge_url: EdgeUrl = EDGE_URL,
) -> None:
    """Resume a parked saga, or every parked saga, at the step where it stopped.

    A parked saga waits for an administrator, because retries have not helped.
    """
    if (id is None) != all_parked:
        raise typer.BadParameter("give either an ID or --all-parked")
    with logged_in(edge_url, email) as session:
        if id is not None:
            _print_moved(session.retry_saga(str(id)))
        else:
            _retry_parked(session)


@app.command(name="cancel")
def cancel_command(id: Id, email: Email, edge_url: EdgeUrl = EDGE_URL) -> None:
    """Undo a saga whose sample is not stored yet. If its sample turns out to be stored, the saga completes instead."""
    with logged_in(edge_url, email) as session:
        _print_moved(session.cancel_saga(str(id)))


def _retry_parked(session: Session) -> None:
    """Retry every parked saga, even if the platform refuses some. In that case the exit code is 1."""
    parked = refused = 0
    for saga in session.list_sagas("STATE_PARKED", _PAGE_SIZE):
        parked += 1
        try:
            _print_moved(session.retry_saga(saga["id"]))
        except ApiError as error:
            print_error(saga["id"], error)
            refused += 1
    if refused:
        raise typer.Exit(FAILED)
    if not parked:
        print("There are no parked sagas.")


def _table_of(sagas: Sequence[Mapping[str, Any]]) -> Table:
    table = _table("id", "definition", "state", "age", "waiting for, reason", "actor")
    for column in table.columns:
        # Do not wrap ids, which people copy, or short columns, which people scan from top to bottom.
        column.no_wrap = column.header in ("id", "state", "age")
    for saga in sagas:
        cells = (saga["id"], saga["definition"], _state_of(saga), _age_of(saga), _why(saga), saga["actor"])
        table.add_row(*map(Text, cells))
    return table


def _facts_of(saga: Mapping[str, Any]) -> dict[str, str]:
    return {
        "saga": saga["id"],
        "definition": f"{saga['definition']}, version {saga['version']}",
        "state": _state_of(saga),
        # The state before parking shows whether the saga can still be cancelled.
        "parked while": _word(saga["parkedState"]) if saga["state"] == "STATE_PARKED" else "",
        "why": _why(saga),
        "account": saga["actor"],
        "correlation id": saga["correlationId"],
        "gateway": saga["gateway"],
        "fencing token": saga["fencingToken"],
        "started": saga["createTime"],
        "last change": saga["updateTime"],
        "next attempt": saga.get("dueTime", ""),
    }


def _steps_of(saga: Mapping[str, Any]) -> Table:
    table = _table("step", "outcome", "when", "reason")
    for step in saga["steps"]:
        outcome = step["outcome"].removeprefix("OUTCOME_").lower()
        cells = (step["name"], _NOTHING if outcome == "unspecified" else outcome, step.get("time", ""), step["reason"])
        table.add_row(*map(Text, cells))
    return table


def _table(*columns: str) -> Table:
    """Return a table that folds long cells instead of truncating them."""
    table = Table()
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def _state_of(saga: Mapping[str, Any]) -> str:
    return _word(saga["state"])


def _word(state: str) -> str:
    return state.removeprefix("STATE_").lower()


def _why(saga: Mapping[str, Any]) -> str:
    return ", ".join(filter(None, (saga["waiting"], saga["reason"])))


def _age_of(saga: Mapping[str, Any]) -> str:
    # The platform's clock may be ahead of this one.
    seconds = max(0.0, (datetime.now(UTC) - datetime.fromisoformat(saga["createTime"])).total_seconds())
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{seconds // length:.0f} {unit}"
    return f"{seconds:.0f} s"


def _print_moved(saga: Mapping[str, Any]) -> None:
    why = _why(saga)
    print(f"{saga['id']}: {_state_of(saga)}" + (f" ({why})" if why else ""))


def _print_json(value: Any) -> None:
    print(json.dumps(value, indent=2, ensure_ascii=False))


def _console() -> Console:
    """Return a console wide enough for whole lines in a file, and for readable columns on a terminal."""
    return Console(width=max(132, Console().width) if sys.stdout.isatty() else 250)
