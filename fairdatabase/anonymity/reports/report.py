"""Reports: what anonymisation did to a table, for people (Markdown) and programs (JSON).

A report contains figures, titles and published values, but no value that was generalised or suppressed, so it may
accompany the table. It also contains no figure from which such a value could be computed. Losses are measured on the
written values and rounded to two digits. Of the figures before anonymisation, it omits entropy l and t, because
they would reveal the value of a person who is alone in a class. It gives l before anonymisation for the published rows
only.
"""

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from decimal import Decimal
from typing import Any, cast
from urllib.parse import quote

import numpy as np

from fairdatabase.anonymity.model.hierarchy import ANYTHING
from fairdatabase.anonymity.model.people import notes_on
from fairdatabase.anonymity.model.table import as_shown
from fairdatabase.anonymity.model.values import NUMBER
from fairdatabase.anonymity.reports.passthrough import PassthroughColumn, passthrough_columns
from fairdatabase.anonymity.reports.rare_values import rare_values
from fairdatabase.anonymity.risk.limits import Limits
from fairdatabase.anonymity.risk.risk import Roles, measure
from fairdatabase.anonymity.search.anonymise import Anonymised

_EXAMPLES = 5
# A loss may differ by this much, because the order of additions changes how sums are rounded.
_ROUNDING = 1e-9
# Markup that Markdown reads anywhere, and markup that it reads at the start of a line.
_MARKUP = re.compile(r"[\\`*_<>\[\]|~&$#]")
_OPENING = re.compile(r"^[-+=]|^\d+[.)](?= )")


def report(done: Anonymised, roles: Roles, limits: Limits) -> dict[str, Any]:
    """Return the report as a JSON object."""
    recoding, passthrough = done.recoding, passthrough_columns(done, roles)
    # The title of a column that the policy does not know may identify somebody, and a report may be published.
    unknown = {left_out.title for left_out in done.left_out if left_out.is_unknown}
    return {
        "limits": {"k": limits.k, "l": limits.l, "t": limits.t, "max_suppression": limits.max_suppression},
        "quasi": list(roles.quasi),
        "sensitive": list(roles.sensitive),
        "subject": roles.subject,
        "dropped": [title for title in done.dropped if title not in unknown],
        "unknown_columns": len(unknown),
        "singled_out": asdict(done.singled_out),
        "hidden_values": done.hidden,
        "recoding": recoding.kind,
        "rows": {
            "input": done.before.rows,
            "published": done.table.rows,
            "suppressed": done.before.rows - done.table.rows,
        },
        "columns": [_column(done, title) for title in roles.quasi],
        "loss": {
            "ncp": _rounded(recoding.loss.ncp),
            "discernibility": recoding.loss.discernibility,
            "discernibility_before": done.discernibility_before,
        },
        "before": _before(done, roles),
        "after": done.after.as_json(),
        "kept_columns": [
            {
                "column": column.title,
                "values": column.values,
                "sensitive": column.sensitive,
                "k_with_it": column.k_with_it,
                "alone": column.alone,
                "names_rows": column.names_rows,
                "undoes": list(column.undoes),
            }
            for column in passthrough
        ],
        "warnings": warnings(done, roles, limits, passthrough),
    }


def _before(done: Anonymised, roles: Roles) -> dict[str, Any]:
    """Return those figures of the input that reveal nobody's values."""
    figures = done.before.as_json()
    del figures["entropy_l"], figures["t"]
    if done.table.rows < done.before.rows:
        figures["distinct_l"] = measure(done.original, roles).distinct_l
    return figures


def _rounded(figure: float) -> float:
    return float(f"{figure:.2g}")


def warnings(done: Anonymised, roles: Roles, limits: Limits, passthrough: Sequence[PassthroughColumn]) -> list[str]:
    """Return warnings about what the figures do not show, most important first."""
    # Other columns are published only if they reveal little.
    asked = [column for column in passthrough if column.sensitive or column.title in done.kept]
    found = [warning for column in sorted(asked, key=_urgency) if (warning := column.warning(limits.k))]
    if roles.subject is not None:
        found.append(
            f"k counts the people that {roles.subject!r} identifies. This column is not published, so the figures of "
            "the published file count rows instead: its k is equal or larger, and its t and entropy l may differ."
        )
        found += notes_on(done.original[roles.subject], roles.subject)
    found += rare_values(done, roles, limits.k)
    emptied = [title for title in roles.quasi if _is_emptied(done, title)]
    if emptied:
        columns = "the column" if len(emptied) == 1 else "the columns"
        found.append(f"Nothing is left of {', '.join(map(repr, emptied))}: drop {columns} to keep more of the others.")
    return found


def _is_emptied(done: Anonymised, title: str) -> bool:
    """Return whether all rows of a column have the same value, and that value covers everything."""
    column, loss = done.recoding.columns[title], done.recoding.loss.ncp_by_column[title]
    return column.values == [ANYTHING] or (len(column.values) == 1 and loss >= 1 - _ROUNDING)


def _urgency(column: PassthroughColumn) -> tuple[bool, bool, int]:
    return not column.names_rows, not column.undoes, column.k_with_it


def _column(done: Anonymised, title: str) -> dict[str, Any]:
    recoding, hierarchy = done.recoding, done.hierarchies[title]
    column, original = recoding.columns[title], done.original[title]
    # A number counts as unchanged even if its notation changed.
    codes = {value: code for code, value in enumerate(dict.fromkeys(map(_meant, (*original.values, *column.values))))}
    was, now = (np.array([codes[_meant(value)] for value in c.values])[c.codes] for c in (original, column))
    gone = (was != now) & np.isin(column.codes, [i for i, v in enumerate(column.values) if v == ANYTHING])
    level = recoding.levels[title] if recoding.levels is not None else None
    return {
        "column": title,
        "hierarchy": hierarchy.kind,
        "level": level,
        "level_name": hierarchy.levels[level].name if level is not None else "as narrow as each class allows",
        "levels": len(hierarchy.levels),
        "values": len(np.unique(column.codes)),
        "unchanged": round(float((was == now).mean()), 6),
        "nothing_left": round(float(gone.mean()), 6),
        "ncp": _rounded(recoding.loss.ncp_by_column[title]),
        "examples": _examples(done, title),
    }


def _meant(value: str) -> Decimal | str:
    plain = value.strip()
    return Decimal(plain) if NUMBER.fullmatch(plain) else value


def _examples(done: Anonymised, title: str) -> list[str]:
    column = done.recoding.columns[title]
    frequency = np.bincount(column.codes, minlength=len(column.values))
    most = np.argsort(-frequency, kind="stable")[:_EXAMPLES]
    return [column.values[code] for code in most.tolist() if frequency[code]]


def as_markdown(content: dict[str, Any], name: str, plot: str | None = None) -> str:
    """Return the report as Markdown. `plot` is the file name of the chart."""
    rows, loss, limits = content["rows"], content["loss"], content["limits"]
    share = rows["suppressed"] / rows["input"]
    lines = [
        f"# Anonymisation of {_cell(name)}",
        "",
        f"Limits: {_limits(limits)}. Recoding: {content['recoding']}.",
        "",
        (
            f"{rows['published']} of {rows['input']} rows are published, shuffled; "
            f"{rows['suppressed']} ({share:.1%}) are left out."
        ),
        "",
        "## Generalisation",
        "",
        "| column | hierarchy | level | values | unchanged | nothing left | loss (NCP) | examples |",
        "|---|---|---|--:|--:|--:|--:|---|",
    ]
    for c in content["columns"]:
        step = c["level_name"] if c["level"] is None else f"{c['level']} of {c['levels'] - 1}: {c['level_name']}"
        shares = f"{c['unchanged']:.1%}", f"{c['nothing_left']:.1%}", f"{c['ncp']:g}"
        cells = as_shown(c["column"]), c["hierarchy"], step, c["values"], *shares, ", ".join(c["examples"])
        lines.append(_row(cells))
    lines += [
        "",
        f"Loss: NCP {loss['ncp']:g} (0: nothing lost, 1: everything), discernibility {loss['discernibility']}.",
        "",
    ]
    lines += ["## Risk", "", "| | before | after |", "|---|--:|--:|"]
    lines += [_row(cells) for cells in _compared(content["before"], content["after"])]
    if content["sensitive"]:
        scope = "l before is measured on the published rows only. Entropy l and t before are not in this report:"
        lines += ["", f"{scope} for a class of one person they would reveal its value."]
    if plot:
        lines += ["", f"![People by the size of their class, before and after]({quote(os.fsencode(plot))})"]
    lines += ["", f"{_cell(singled_out_text(content))}"]
    if content["hidden_values"]:
        lines += ["", _cell(hidden_text(content["hidden_values"]))]
    if content["dropped"]:
        lines += ["", f"Not published: {', '.join(_cell(as_shown(title)) for title in content['dropped'])}."]
    if content["unknown_columns"]:
        lines += [
            "",
            f"Columns unknown to the policy, which are not published: {content['unknown_columns']}.",
        ]
    if content["warnings"]:
        lines += ["", "## Warnings", "", *(f"- {_cell(warning)}" for warning in content["warnings"])]
    return "\n".join([*lines, ""])


def singled_out_text(content: dict[str, Any]) -> str:
    """Return how many people are alone with what is published."""
    found = content["singled_out"]
    text = f"{found['alone']} of {found['people']} people are alone with all published columns"
    if not content["sensitive"]:
        return f"{text}."
    return f"{text} that are not sensitive. {with_sensitive_text(found['alone_with_sensitive'], found['people'])}"


def with_sensitive_text(alone: int, people: int) -> str:
    """Return how many people are alone with everything that is published of them, sensitive values too."""
    verb = "is" if alone == 1 else "are"
    return f"{alone} of {people} {verb} alone if somebody also knows their sensitive values."


def leaves_somebody_alone(content: dict[str, Any]) -> bool:
    """Return whether somebody is alone with what is published, without the sensitive columns, or with a kept column."""
    return content["singled_out"]["alone"] > 0 or any(column["alone"] for column in content["kept_columns"])


def hidden_text(hidden: Mapping[str, int]) -> str:
    """Return in how many rows of each column "*" stands for a rare value."""
    rows = ", ".join(f"{as_shown(title)} in {_rows(count)}" for title, count in hidden.items())
    return f'Rare values are "*": {rows}.'


def _rows(count: int) -> str:
    return "1 row" if count == 1 else f"{count} rows"


def _limits(limits: dict[str, Any]) -> str:
    parts = [f"k = {limits['k']}"]
    if limits["l"] > 1:
        parts.append(f"l = {limits['l']}")
    if limits["t"] is not None:
        parts.append(f"t = {limits['t']:g}")
    return ", ".join(parts) + f", at most {limits['max_suppression']:.1%} of the rows left out"


def _compared(before: dict[str, Any], after: dict[str, Any]) -> list[tuple[str, object, object]]:
    found: list[tuple[str, object, object]] = []
    for name, figure in after.items():
        words = name.replace("_", " ")
        if isinstance(figure, dict):
            was, now = before.get(name, {}), cast("dict[str, float]", figure)
            found += [(f"{words} of {as_shown(title)}", was.get(title, "-"), value) for title, value in now.items()]
        else:
            found.append((words, before[name], figure))
    return found


def _row(cells: Sequence[object]) -> str:
    return f"| {' | '.join(_cell(str(cell)) for cell in cells)} |"


def _cell(text: str) -> str:
    """Return a text on one line, escaped for Markdown."""
    plain = _MARKUP.sub(r"\\\g<0>", " ".join(text.split()))
    return _OPENING.sub(lambda found: f"{found[0][:-1]}\\{found[0][-1]}", plain)
