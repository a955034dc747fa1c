"""`fairdb report`: a first look at a table. Guesses which columns identify people, and measures what they reveal."""

import json
import shlex
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from fairdatabase.client.commands.risk import show_risk, warnings_of
from fairdatabase.client.tables.columns import (
    Categorical,
    File,
    Sensitive,
    Subject,
    Worksheet,
    as_titled,
    read_names,
)
from fairdatabase.client.tables.files import read_with_progress, table_errors_explained
from fairdatabase.client.tables.proposal import Proposal, propose
from fairdatabase.client.terminal import FAILED, console, grid, output_errors_explained, progress_bar

if TYPE_CHECKING:
    from fairdatabase.anonymity.risk.risk import Risk, Roles
    from fairdatabase.anonymity.tables.roles import Guess
    from fairdatabase.policy.tables.fields import Policy

_STYLES = {"direct": "red", "subject": "red", "quasi": "yellow", "companion": "yellow", "sensitive": "magenta",
           "restricted": "red", "unknown": "bold", "other quasi": "yellow", "other sensitive": "magenta"}  # fmt: skip
_NAMED = 20
_ADVICE = {
    "direct": "identifies a person: drop it",
    "subject": "identifies the person: counted, never published",
    "companion": "drop it",
    "restricted": "so specific that it may identify a person: drop it",
    "unknown": "not measured below, left out",
    "other quasi": "not measured below, left out",
    "other sensitive": "not measured below, left out",
}


def report_command(
    file: File,
    quasi: Annotated[
        list[str] | None,
        typer.Option(
            metavar="A,B",
            help="The quasi-identifiers: columns that somebody else may know about a person. Replaces the guess.",
        ),
    ] = None,
    sensitive: Sensitive = None,
    subject: Subject = None,
    categorical: Categorical = None,
    worksheet: Worksheet = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Guess which columns of a table identify people, measure what it reveals, and propose what to do next.

    The platform's policy decides the guess; --quasi, --sensitive and --subject overrule it. The proposed command is
    carried out in memory, to show whom its result singles out. Nothing is written. Needs no server.

    Exit codes: 0 success, 1 no column is known as a quasi-identifier, 2 bad input or the output cannot be written.
    """
    with table_errors_explained(file):
        from fairdatabase.anonymity.risk.risk import check_roles, measure
        from fairdatabase.anonymity.tables.roles import guess_roles, shared_identifiers
        from fairdatabase.policy.tables.reader import load_policy

        table = read_with_progress(file, worksheet)
        policy = load_policy()
        guesses = guess_roles(policy, table)
        roles = _roles(guesses, list(table.columns), quasi, sensitive, subject, categorical)
        guesses = [_overruled(guess, roles) for guess in guesses]
        risk = proposal = None
        shared = shared_identifiers(guesses, table, policy.vocabulary) if roles.subject is None else []
        if roles.quasi:
            check_roles(roles, list(table.columns))
            risk = measure(table, roles)
            with progress_bar("Trying the proposal") as advance:
                proposal = propose(table, roles, risk, advance, worksheet)
        with output_errors_explained():
            if as_json:
                found = _as_json(policy, guesses, roles, risk and risk.as_json())
                if risk is not None:
                    notes = proposal.notes(risk) if proposal else ()
                    found["warnings"] = [*_doubts(shared), *warnings_of(table, roles), *notes]
                    found["proposal"] = proposal.as_json(file) if proposal else None
                print(json.dumps(found, ensure_ascii=False))
            else:
                out = console()
                _show(policy, guesses, file, out)
                for doubt in _doubts(shared):
                    out.print(Text(doubt), soft_wrap=True)
                if risk is not None:
                    show_risk(table, roles, risk, out)
                    _show_proposal(proposal, file, risk, out)
                else:
                    out.print(
                        "The policy knows none of the columns as a quasi-identifier: name them with --quasi.",
                        soft_wrap=True,
                    )
    if risk is None:
        raise typer.Exit(FAILED)


def _show_proposal(proposal: Proposal | None, file: Path, risk: "Risk", out: Console) -> None:
    if proposal is None:
        print("Next: add more people. Nobody can be hidden in a table of one person.")
        return
    for note in proposal.notes(risk):
        out.print(Text(note), soft_wrap=True)
    # Printed without rich, which would turn a tab in a title into spaces.
    print(f"Next: {proposal.command(file)}")


def _doubts(shared: list[str]) -> list[str]:
    """Return what to do if a column of identifiers names people, although each row counts as a different person."""
    from fairdatabase.anonymity.model.table import as_shown

    if not shared:
        return []
    more = f" and {len(shared) - _NAMED} more" if len(shared) > _NAMED else ""
    named = ", ".join(map(as_shown, shared[:_NAMED]))
    which = "it" if len(shared) == 1 else "one of them"
    option = shlex.join(["--subject", shared[0]])
    return [f"Rows share a value in {named}{more}: if {which} names people, add {option}."]


def _roles(
    guesses: "list[Guess]",
    titles: list[str],
    quasi: list[str] | None,
    sensitive: list[str] | None,
    subject: str | None,
    categorical: list[str] | None,
) -> "Roles":
    """Return the guessed roles, as overridden by options. A column that an option names has only that role."""
    from fairdatabase.anonymity.risk.risk import Roles

    given = as_titled(read_names(quasi), titles), as_titled(read_names(sensitive), titles)
    named = as_titled([subject], titles) if subject is not None else ()
    taken = {*given[0], *given[1], *named}

    def guessed(role: str) -> tuple[str, ...]:
        return tuple(guess.title for guess in guesses if guess.role == role and guess.title not in taken)

    return Roles(
        given[0] if quasi else guessed("quasi"),
        given[1] if sensitive else guessed("sensitive"),
        next(iter(named or guessed("subject")), None),
        frozenset(as_titled(read_names(categorical), titles)),
    )


def _overruled(guess: "Guess", roles: "Roles") -> "Guess":
    """Return the guess, changed if the options give the column another role or leave it without its guessed role."""
    titled = {"quasi": roles.quasi, "sensitive": roles.sensitive, "subject": (roles.subject,)}
    given = next((role for role, titles in titled.items() if guess.title in titles), None)
    if given is not None and given != guess.role:
        return replace(guess, role=given, why=f"named by --{given}")
    if given is None and guess.role in titled:
        # The column still identifies the person, even if the option names another column as the subject.
        role = "direct" if guess.role == "subject" else f"other {guess.role}"
        return replace(guess, role=role, why=f"{guess.why}, but not named by --{guess.role}")
    return guess


def _as_json(policy: "Policy", guesses: "list[Guess]", roles: "Roles", risk: dict[str, Any] | None) -> dict[str, Any]:
    from fairdatabase.anonymity.tables.roles import as_json

    return {
        "policy": policy.version,
        "columns": as_json(guesses),
        "quasi": list(roles.quasi),
        "sensitive": list(roles.sensitive),
        "subject": roles.subject,
        "risk": risk,
        "warnings": [],
        "proposal": None,
    }


def _show(policy: "Policy", guesses: "list[Guess]", file: Path, out: Console) -> None:
    from fairdatabase.anonymity.model.table import as_shown

    table = grid(
        f"Columns of {file.name}, guessed by policy {policy.version}", "column", "role", "why", "values", "advice"
    )
    for guess in guesses:
        role = Text(guess.role, style=_STYLES.get(guess.role, ""))
        table.add_row(
            Text(as_shown(guess.title)), role, Text(guess.why), str(guess.values), _ADVICE.get(guess.role, "")
        )
    out.print(table)
    unknown = [as_shown(guess.title) for guess in guesses if guess.role == "unknown"]
    if unknown:
        more = f" and {len(unknown) - _NAMED} more" if len(unknown) > _NAMED else ""
        named = f"Unknown to the policy, and not measured below: {', '.join(unknown[:_NAMED])}{more}."
        out.print(Text(named), soft_wrap=True)
