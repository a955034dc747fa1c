"""`fairdb risk`: how well a table hides the people in it."""

import json
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table as Grid
from rich.text import Text

from fairdatabase.client.tables.columns import (
    Categorical,
    File,
    Quasi,
    Sensitive,
    Subject,
    console,
    grid,
    printed,
    read,
    roles_of,
    told,
)

if TYPE_CHECKING:
    from fairdatabase.anonymity.model.table import Table
    from fairdatabase.anonymity.risk.risk import Risk, Roles


def risk_command(
    file: File,
    quasi: Quasi,
    sensitive: Sensitive = None,
    subject: Subject = None,
    categorical: Categorical = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """Print how well a table hides the people in it: k-anonymity, l-diversity, t-closeness. Needs no server.

    Exit codes: 0 done, 2 bad input, or output that cannot be written.
    """
    with told(file):
        from fairdatabase.anonymity.risk.risk import measure

        table = read(file)
        roles = roles_of(table, quasi, sensitive, subject, categorical)
        risk = measure(table, roles)
        with printed():
            if as_json:
                print(json.dumps({**risk.as_json(), "warnings": warnings_of(table, roles)}, ensure_ascii=False))
            else:
                show_risk(table, roles, risk, console())


def show_risk(table: "Table", roles: "Roles", risk: "Risk", out: Console) -> None:
    """Print the figures for people, the worst classes, and what to generalise next."""
    out.print(_figures(roles, risk))
    for note in warnings_of(table, roles):
        out.print(Text(note), soft_wrap=True)
    if roles.sensitive:
        out.print(_told(table, roles, risk))
    out.print(_worst(table, roles))
    _show_steps(table, roles, risk, out)


def warnings_of(table: "Table", roles: "Roles") -> list[str]:
    """Return what a reader of the figures has to know of how people are named."""
    from fairdatabase.anonymity.model.people import notes_on

    return notes_on(table[roles.subject], roles.subject) if roles.subject is not None else []


def _figures(roles: "Roles", risk: "Risk") -> Grid:
    people = "people" if roles.subject is not None else "rows"
    made = grid("Risk", "figure", "value", "what it says")
    for name, value, says in (
        ("rows", risk.rows, ""),
        ("subjects", risk.subjects, "people" if roles.subject is not None else "every row is taken for another person"),
        ("classes", risk.classes, "combinations of quasi-identifiers"),
        ("k", risk.k, f"{people} in the smallest class"),
        ("unique rows", risk.unique_rows, "of classes that hold one person"),
        (
            "max risk",
            f"{risk.max_reidentification_risk:.3g}",
            "chance to pick the right person in the worst class: 1 / k",
        ),
    ):
        made.add_row(name, str(value), says)
    return made


def _told(table: "Table", roles: "Roles", risk: "Risk") -> Grid:
    from fairdatabase.anonymity.model.table import as_shown
    from fairdatabase.anonymity.risk.sensitive import read_all

    made = grid("What the worst class tells", "sensitive column", "l", "entropy l", "t", "")
    for title, column in read_all({title: table[title] for title in roles.sensitive}, roles.categorical).items():
        says = "the same for everybody in the table" if column.count == 1 else ""
        figures = str(risk.distinct_l[title]), f"{risk.entropy_l[title]:.3f}", f"{risk.t[title]:.3f}"
        made.add_row(Text(as_shown(title)), *figures, says)
    made.caption = (
        "l: different values; entropy l: the same, rare ones counting less; t: 0 like the table, 1 as unlike as can be"
    )
    return made


def _worst(table: "Table", roles: "Roles") -> Grid:
    from fairdatabase.anonymity.model.table import as_shown
    from fairdatabase.anonymity.reports.advice import worst_classes

    people = "people, rows" if roles.subject is not None else "rows"
    varied = [title for title in roles.quasi if len(table[title].values) > 1]
    made = grid("Smallest classes", people, "class", "one value of")
    for found in worst_classes(table, roles):
        count = f"{found.people}, {found.rows}" if roles.subject is not None else str(found.rows)
        described = (
            ", ".join(f"{as_shown(title)}={found.quasi[title] or '(missing)'}" for title in varied) or "all rows"
        )
        single = [
            as_shown(title) for title, values in found.values.items() if values == 1 and len(table[title].values) > 1
        ]
        made.add_row(count, Text(described), Text(", ".join(single)))
    return made


def _show_steps(table: "Table", roles: "Roles", risk: "Risk", out: Console) -> None:
    from fairdatabase.anonymity.model.table import as_shown
    from fairdatabase.anonymity.reports.advice import ENOUGH, exposed_rows, next_steps

    people = "people" if roles.subject is not None else "rows"
    if risk.k >= ENOUGH:
        out.print(Text(f"Every class holds {ENOUGH} {people} or more."), soft_wrap=True)
        return
    steps = next_steps(table, roles)
    if not steps:
        return
    below = f"rows in classes of fewer than {ENOUGH} {people}"
    ahead = grid("What one step more would make of it", "column", "to", "k", "unique rows", below)
    now = exposed_rows(table, roles)
    ahead.add_row("as it is", "", str(risk.k), str(risk.unique_rows), str(now))
    for step in steps:
        ahead.add_row(Text(as_shown(step.title)), Text(step.to), str(step.k), str(step.unique_rows), str(step.exposed))
    out.print(ahead)
    best = steps[0]
    what = "leaving it out" if best.to == "*" else f"to {best.to}"
    if (best.exposed, best.unique_rows, -best.k) < (now, risk.unique_rows, -risk.k):
        told = f"Largest gain: {as_shown(best.title)}, {what}. `fairdb anonymize` finds what loses least."
    else:
        told = "No single step gains anything: `fairdb anonymize` takes several, and finds what loses least."
    out.print(Text(told), soft_wrap=True)
