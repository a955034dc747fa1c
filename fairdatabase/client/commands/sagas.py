"""The `fairdb sagas` commands: administrators look at sagas, and help those that are stuck."""

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

from fairdatabase.client import access
from fairdatabase.client.access import EDGE_URL, EdgeUrl, Email
from fairdatabase.client.session import ApiError, Session
from fairdb.system.v1.saga_service_pb2 import Saga

_STATES = [name.removeprefix("STATE_").lower() for name in Saga.State.keys()[1:]]  # not STATE_UNSPECIFIED
_PAGE_SIZE = 200
_NOTHING = "–"


def _read_state(word: str) -> str:
    """Return a state's name in the contract. Raises BadParameter."""
    if word.lower() not in _STATES:
        raise typer.BadParameter(f"{word!r} is not one of {', '.join(_STATES)}")
    return f"STATE_{word.upper()}"


app = typer.Typer(
    no_args_is_help=True,
    help="Look at sagas, and help those that are stuck. For administrators: the password of --email comes from "
    "FAIRDB_PASSWORD, or else is asked for.",
)
Id = Annotated[UUID, typer.Argument(metavar="ID", help="The saga's id, which is also that of what it creates.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, as the platform sends it.")]


@app.command(name="list")
def list_command(
    email: Email,
    state: Annotated[
        str | None,
        typer.Option(parser=_read_state, metavar="STATE", help=f"Only those in this state: {', '.join(_STATES)}."),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, metavar="N", help="At most so many, newest first.")] = 50,
    as_json: AsJson = False,
    edge_url: EdgeUrl = EDGE_URL,
) -> None:
    """Print sagas, newest first."""
    with access.logged_in(edge_url, email) as session:
        # One more than asked for tells whether there are more.
        found = list(islice(session.list_sagas(state or "", min(limit + 1, _PAGE_SIZE)), limit + 1))
    sagas = found[:limit]
    if as_json:
        _print_json(sagas)
        return
    _console().print(_table_of(sagas) if sagas else "No saga.")
    if len(found) > limit:
        _console().print("There are more: give a higher --limit.")


@app.command(name="show")
def show_command(id: Id, email: Email, as_json: AsJson = False, edge_url: EdgeUrl = EDGE_URL) -> None:
    """Print what is known of a saga, step by step."""
    with access.logged_in(edge_url, email) as session:
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
    all_parked: Annotated[bool, typer.Option("--all-parked", help="Every saga that is parked.")] = False,
    edge_url: EdgeUrl = EDGE_URL,
) -> None:
    """Let a parked saga, or every one, go on from where it stopped."""
    if (id is None) != all_parked:
        raise typer.BadParameter("give either an ID or --all-parked")
    with access.logged_in(edge_url, email) as session:
        if id is not None:
            _print_moved(session.retry_saga(str(id)))
        else:
            _retry_parked(session)


@app.command(name="cancel")
def cancel_command(id: Id, email: Email, edge_url: EdgeUrl = EDGE_URL) -> None:
    """Have a saga undone that has not reached its pivot; one that turns out to have reached it goes on."""
    with access.logged_in(edge_url, email) as session:
        _print_moved(session.cancel_saga(str(id)))


def _retry_parked(session: Session) -> None:
    """Retry whatever is parked, also after one was refused; that makes the exit code 1."""
    parked = refused = 0
    for saga in session.list_sagas("STATE_PARKED", _PAGE_SIZE):
        parked += 1
        try:
            _print_moved(session.retry_saga(saga["id"]))
        except ApiError as error:
            access.tell(saga["id"], error)
            refused += 1
    if refused:
        raise typer.Exit(1)
    if not parked:
        print("No saga is parked.")


def _table_of(sagas: Sequence[Mapping[str, Any]]) -> Table:
    table = _table("id", "definition", "state", "age", "waiting, reason", "actor")
    for column in table.columns:
        # An id is there to be copied, and what is short to be read down.
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
        # What says whether it can still be cancelled.
        "parked while": _word(saga["parkedState"]) if saga["state"] == "STATE_PARKED" else "",
        "why": _why(saga),
        "account": saga["actor"],
        "correlation id": saga["correlationId"],
        "gateway": saga["gateway"],
        "fencing token": saga["fencingToken"],
        "begun": saga["createTime"],
        "last change": saga["updateTime"],
        "next look": saga.get("dueTime", ""),
    }


def _steps_of(saga: Mapping[str, Any]) -> Table:
    table = _table("step", "outcome", "when", "reason")
    for step in saga["steps"]:
        outcome = step["outcome"].removeprefix("OUTCOME_").lower()
        cells = (step["name"], _NOTHING if outcome == "unspecified" else outcome, step.get("time", ""), step["reason"])
        table.add_row(*map(Text, cells))
    return table


def _table(*columns: str) -> Table:
    """Return a table that folds what is too long for it, and cuts off nothing."""
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
    # The platform's clock may be ahead of ours.
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
    """Return a console; a file or a pipe receives whole lines, and a terminal never a column of single letters."""
    return Console(width=max(132, Console().width) if sys.stdout.isatty() else 250)
