"""The command that `fairdb report` proposes, what it would publish, and notes on its effects."""

import shlex
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fairdatabase.client.tables.columns import join_names

if TYPE_CHECKING:
    from fairdatabase.anonymity.model.table import Table
    from fairdatabase.anonymity.risk.limits import Limits
    from fairdatabase.anonymity.risk.risk import Risk, Roles
    from fairdatabase.anonymity.search.anonymise import Anonymised
    from fairdatabase.anonymity.search.disclosure import LeftOut

_K = 5
_L = 2
# The proposal limits t to a multiple of this step, if that costs nothing.
_T_STEP = 0.05
_MOST_T = 0.5
_NAME = "fairdb"


@dataclass(frozen=True, slots=True)
class Proposal:
    """A command that anonymises a table, and its result: what it would publish."""

    roles: "Roles"
    limits: "Limits"
    done: "Anonymised"
    # Sensitive columns that are left out because nearly everybody has the same value.
    uniform: tuple[str, ...] = ()
    # The sheet of an Excel file.
    worksheet: str = ""

    def command(self, file: Path) -> str:
        """Return the command."""
        roles, limits = self.roles, self.limits
        # A name that starts with a hyphen would be read as an option.
        place = f"./{file}" if str(file).startswith("-") else str(file)
        words = [_command(), "anonymize", place, *(["--sheet", self.worksheet] if self.worksheet else [])]
        words += ["--quasi", join_names(roles.quasi)]
        if roles.sensitive:
            words += ["--sensitive", join_names(roles.sensitive)]
        if roles.subject is not None:
            words += ["--subject", roles.subject]
        if roles.categorical:
            words += ["--categorical", join_names(sorted(roles.categorical))]
        words += ["--k", str(limits.k)]
        if limits.l > 1:
            words += ["--l", str(limits.l)]
        if limits.t is not None:
            words += ["--t", f"{limits.t:g}"]
        name, suffix = _written_as(file)
        words += ["--out", f"{name}-anonymised{suffix}", "--report", f"{name}-report"]
        return shlex.join(words)

    def notes(self, risk: "Risk") -> list[str]:
        """Return what the command leaves out, whom the result singles out, and what is lost."""
        from fairdatabase.anonymity.reports.report import hidden_text, with_sensitive_text

        notes = [left_out_line(self.done.left_out)] if self.done.left_out else []
        if self.done.hidden:
            notes.append(hidden_text(self.done.hidden))
        if self.uniform:
            named = ", ".join(map(repr, self.uniform))
            notes.append(
                f"Nearly everybody has the same value in {named}: hiding the others would take all detail from the "
                "quasi-identifiers. Name these columns with --sensitive to publish them."
            )
        found = self.done.singled_out
        share = f"{found.alone} of {found.people} people ({found.alone / found.people:.1%})"
        alone = f"After this command, {share} are alone with all published columns"
        if self.roles.sensitive:
            alone += f" that are not sensitive. {with_sensitive_text(found.alone_with_sensitive, found.people)}"
        else:
            alone += "."
        notes.append(alone)
        k = self.limits.k
        # Fewer than 2 k people in separate rows form one class. A person with several rows may be in several classes.
        if risk.subjects == k or (self.roles.subject is None and risk.subjects < 2 * k):
            less = " A smaller --k keeps more detail but protects people less." if k > 2 else ""
            everybody = f"all {risk.subjects} people are in one class, so every difference between them is lost"
            notes.append(f"With --k {k}, {everybody}.{less}")
        return notes

    def as_json(self, file: Path) -> dict[str, Any]:
        """Return the command, and what it would publish, as a JSON object."""
        found = self.done.singled_out
        return {
            "command": self.command(file),
            "published": list(self.done.table.columns),
            "left_out": [left_out._asdict() for left_out in self.done.left_out],
            "people": found.people,
            "hidden_values": self.done.hidden,
            "alone": found.alone,
            "alone_with_sensitive": found.alone_with_sensitive,
        }


def propose(table: "Table", roles: "Roles", risk: "Risk", advance: Any = None, worksheet: str = "") -> Proposal | None:
    """Return the proposal for a table, None if the table has one person only.

    The command is carried out in memory: only its result shows whom it singles out. Limits on l and t protect sensitive
    columns. t is limited only if that costs nothing. Sensitive columns in which nearly everybody has the same value are
    left out.
    """
    from fairdatabase.anonymity.model.people import people_of
    from fairdatabase.anonymity.risk.diversity import is_diverse
    from fairdatabase.anonymity.risk.limits import Limits
    from fairdatabase.anonymity.risk.sensitive import read_all
    from fairdatabase.anonymity.search.anonymise import anonymise

    if risk.subjects == 1:
        return None
    weights = people_of(table[roles.subject] if roles.subject is not None else None, table.rows).weights
    sensitive = read_all({title: table[title] for title in roles.sensitive}, roles.categorical)
    diverse = tuple(title for title, column in sensitive.items() if is_diverse(column, weights))
    uniform = tuple(title for title in roles.sensitive if title not in diverse)
    roles = replace(roles, sensitive=diverse, categorical=roles.categorical & {*diverse})
    limits = Limits(min(_K, risk.subjects), _L if diverse else 1)
    done = anonymise(table, roles, limits, advance=advance)
    # Sensitive columns without shared values are left out.
    roles = done.roles
    limits = replace(limits, l=_L if roles.sensitive else 1)
    if roles.sensitive:
        # Rounded upwards, and a little further: another run may choose other classes.
        t = (int(max(done.after.t.values()) / _T_STEP) + 2) * _T_STEP
        limits = replace(limits, t=round(t, 2) if t <= _MOST_T else None)
    return Proposal(roles, limits, done, uniform, worksheet)


def left_out_line(left_out: "Sequence[LeftOut]") -> str:
    """Return one line that names the columns that are left out by default, by reason."""
    from fairdatabase.anonymity.model.table import as_shown

    ordered = sorted(left_out, key=lambda one: one.why)
    parts = [
        f"{', '.join(as_shown(one.title) for one in same)} ({why})"
        for why, same in groupby(ordered, key=lambda one: one.why)
    ]
    return f"Left out: {'; '.join(parts)}. --keep NAME publishes a column unchanged."


def _written_as(file: Path) -> tuple[str, str]:
    """Return the name of a file without its suffix, and the suffix of an anonymised copy, which is not packed."""
    plain = file.with_suffix("") if file.suffix.lower() == ".gz" else file
    return plain.stem, ".csv" if plain.suffix.lower() == ".xlsx" else plain.suffix


def _command() -> str:
    """Return the command that starts `fairdb` in the user's shell: its name, or its path if it is not on PATH."""
    started_as = Path(sys.argv[0])
    return str(started_as) if started_as.name == _NAME and shutil.which(_NAME) is None else _NAME
