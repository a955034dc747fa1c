"""The command that `fairdb report` proposes, and notes on its effects."""

import shlex
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from fairdatabase.client.tables.columns import join_names

if TYPE_CHECKING:
    from fairdatabase.anonymity.risk.risk import Risk, Roles
    from fairdatabase.anonymity.tables.roles import Guess

_K = 5
_NAME = "fairdb"


def proposal(file: Path, guesses: "Sequence[Guess]", roles: "Roles", risk: "Risk") -> str:
    """Return the command that would anonymise the table with these roles."""
    if risk.subjects == 1:
        return "Next: add more people. Nobody can be hidden in a table of one person."
    dropped = [guess.title for guess in guesses if _is_dropped(guess, risk.rows)]
    # A name that starts with a hyphen would be read as an option.
    place = f"./{file}" if str(file).startswith("-") else str(file)
    words = [_command(), "anonymize", place, "--quasi", join_names(roles.quasi)]
    if roles.sensitive:
        words += ["--sensitive", join_names(roles.sensitive)]
    if roles.subject is not None:
        words += ["--subject", roles.subject]
    if roles.categorical:
        words += ["--categorical", join_names(sorted(roles.categorical))]
    if dropped:
        words += ["--drop", join_names(dropped)]
    words += ["--k", str(_k(risk)), "--out", f"{file.stem}-anonymised{file.suffix}", "--report", f"{file.stem}-report"]
    return f"Next: {shlex.join(words)}"


def notes_on_proposal(guesses: "Sequence[Guess]", roles: "Roles", risk: "Risk") -> list[str]:
    """Return what the proposed command drops, publishes unchanged, or loses."""
    notes = list[str]()
    for role, note in (
        ("other quasi", "Dropped, because --quasi does not name them: {}. Name them to keep them in generalised form."),
        ("other sensitive", "Published unchanged and not measured, because --sensitive does not name them: {}."),
    ):
        if titles := [guess.title for guess in guesses if guess.role == role]:
            notes.append(note.format(", ".join(map(repr, titles))))
    k = _k(risk)
    # Fewer than 2 k people in separate rows form a single class. A person with several rows may be in several classes.
    if risk.subjects > 1 and (risk.subjects == k or (roles.subject is None and risk.subjects < 2 * k)):
        less = " A smaller --k keeps more detail but protects people less." if k > 2 else ""
        everybody = f"all {risk.subjects} people are in one class, so every difference between them is lost"
        notes.append(f"With --k {k}, {everybody}.{less}")
    return notes


def _command() -> str:
    """Return the command that starts `fairdb` in the user's shell: its name, or its path if it is not on PATH."""
    started_as = Path(sys.argv[0])
    return str(started_as) if started_as.name == _NAME and shutil.which(_NAME) is None else _NAME


def _k(risk: "Risk") -> int:
    return min(_K, risk.subjects)


def _is_dropped(guess: "Guess", rows: int) -> bool:
    """Return whether the proposal drops a column. It drops an unknown one if every row has a different value."""
    dropped = ("direct", "companion", "restricted", "other quasi")
    return guess.role in dropped or (guess.role == "unknown" and guess.values == rows)
