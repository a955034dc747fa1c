"""`fairdb risk`: measures what a table reveals about the people in it."""

import json
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table as Grid
from rich.text import Text

from fairdatabase.client.tables.columns import Categorical, File, Quasi, Sensitive, Subject, Worksheet, roles_of
from fairdatabase.client.tables.files import read_with_progress, table_errors_explained
from fairdatabase.client.terminal import console, grid, output_errors_explained

if TYPE_CHECKING:
    from fairdatabase.anonymity.model.table import Table
    from fairdatabase.anonymity.risk.risk import Risk, Roles


def risk_command(
    file: File,
    quasi: Quasi,
    sensitive: Sensitive = None,
    subject: Subject = None,
    categorical: Categorical = None,
    worksheet: Worksheet = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """Measure what a table reveals about people: k-anonymity, l-diversity and t-closeness. Needs no server.

    Exit codes: 0 success, 2 bad input or the output cannot be written.
    """
    with table_errors_explained(file):
        from fairdatabase.anonymity.risk.risk import measure

        table = read_with_progress(file, worksheet)
        roles = roles_of(table, quasi, sensitive, subject, categorical)
        risk = measure(table, roles)
        with output_errors_explained():
            if as_json:
                print(json.dumps({**risk.as_json(), "warnings": warnings_of(table, roles)}, ensure_ascii=False))
            else:
                show_risk(table, roles, risk, console())


def show_risk(table: "Table", roles: "Roles", risk: "Risk", out: Console) -> None:
    """Print the figures, the worst classes, and which column to generalise next."""
    out.print(_figures(roles, risk))
    for note in warnings_of(table, roles):
        out.print(Text(note), soft_wrap=True)
    if roles.sensitive:
        out.print(_sensitive_figures(table, roles, risk))
    out.print(_worst(table, roles))
    _show_steps(table, roles, risk, out)


def warnings_of(table: "Table", roles: "Roles") -> list[str]:
    """Return what the figures do not show of the file and of the subject column."""
    from fairdatabase.anonymity.model.people import notes_on

    return [*table.notes, *(notes_on(table[roles.subject], roles.subject) if roles.subject is not None else ())]


def _figures(roles: "Roles", risk: "Risk") -> Grid:
    people = "people" if roles.subject is not None else "rows"
    made = grid("Risk", "figure", "value", "meaning")
    for name, value, says in (
        ("rows", risk.rows, ""),
        ("subjects", risk.subjects, "people" if roles.subject is not None else "each row counts as a different person"),
        ("classes", risk.classes, "combinations of quasi-identifiers"),
        ("k", risk.k, f"{people} in the smallest class"),
        ("unique rows", risk.unique_rows, "rows in classes of one person"),
        (
            "max risk",
            f"{risk.max_reidentification_risk:.3g}",
            "chance of picking the right person in the smallest class: 1 / k",
        ),
    ):
        made.add_row(name, str(value), says)
    return made


def _sensitive_figures(table: "Table", roles: "Roles", risk: "Risk") -> Grid:
    from fairdatabase.anonymity.model.table import as_shown
    from fairdatabase.anonymity.risk.sensitive import read_all

    made = grid("What the worst class reveals", "sensitive column", "l", "entropy l", "t", "")
    for title, column in read_all({title: table[title] for title in roles.sensitive}, roles.categorical).items():
        says = "everybody in the table has the same value" if column.count == 1 else ""
        figures = str(risk.distinct_l[title]), f"{risk.entropy_l[title]:.3f}", f"{risk.t[title]:.3f}"
        made.add_row(Text(as_shown(title)), *figures, says)
    made.caption = (
        "l: different values in a class; entropy l: the same, but rare values count less; "
        "t: distance from the whole table, from 0 (identical) to 1"
    )
    return made


def _worst(table: "Table", roles: "Roles") -> Grid:
    from fairdatabase.anonymity.model.table import as_shown
    from fairdatabase.anonymity.reports.advice import worst_classes

    people = "people, rows" if roles.subject is not None else "rows"
    varied = [title for title in roles.quasi if len(table[title].values) > 1]
    made = grid("Smallest classes", people, "class", "everybody has the same")
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
        out.print(Text(f"Every class has at least {ENOUGH} {people}."), soft_wrap=True)
        return
    steps = next_steps(table, roles)
    if not steps:
        return
    below = f"rows in classes of fewer than {ENOUGH} {people}"
    ahead = grid("Effect of generalising one column further", "column", "to", "k", "unique rows", below)
    now = exposed_rows(table, roles)
    ahead.add_row("now", "", str(risk.k), str(risk.unique_rows), str(now))
    for step in steps:
        ahead.add_row(Text(as_shown(step.title)), Text(step.to), str(step.k), str(step.unique_rows), str(step.exposed))
    out.print(ahead)
    best = steps[0]
    step = "drop it" if best.to == "*" else f"generalise it to {best.to}"
    if (best.exposed, best.unique_rows, -best.k) < (now, risk.unique_rows, -risk.k):
        advice = (
            f"Largest gain: {as_shown(best.title)}: {step}. `fairdb anonymize` finds the steps that lose least detail."
        )
    else:
        advice = "No single step helps. `fairdb anonymize` combines several, and finds those that lose least detail."
    out.print(Text(advice), soft_wrap=True)
