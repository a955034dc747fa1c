"""What `fairdb report` proposes: the command that would anonymise a table by its roles, and what that does."""

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from fairdatabase.client.tables.columns import join_names

if TYPE_CHECKING:
    from fairdatabase.anonymity.risk.risk import Risk, Roles
    from fairdatabase.anonymity.tables.roles import Guess

_K = 5


def proposal(file: Path, guesses: "Sequence[Guess]", roles: "Roles", risk: "Risk") -> str:
    """Return the command that would anonymise the table by these roles, where one can."""
    if risk.subjects == 1:
        return "Next: find more people. In a table of one person nobody can be hidden."
    dropped = [guess.title for guess in guesses if _is_to_go(guess, risk.rows)]
    # What begins with a hyphen would be taken for an option.
    place = f"./{file}" if str(file).startswith("-") else str(file)
    words = ["fairdb", "anonymize", place, "--quasi", join_names(roles.quasi)]
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
    """Return what to know before the proposed command is run: what it drops, publishes as it was, or loses."""
    notes = []
    for role, then in (
        ("other quasi", "To be dropped, since --quasi does not name them: {}. Name them to keep what can be kept."),
        ("other sensitive", "Published as they were, and in no figure, since --sensitive does not name them: {}."),
    ):
        if titles := [guess.title for guess in guesses if guess.role == role]:
            notes.append(then.format(", ".join(map(repr, titles))))
    k = _k(risk)
    # Where one person has several rows, fewer people than twice k can still make several classes.
    if risk.subjects > 1 and (risk.subjects == k or (roles.subject is None and risk.subjects < 2 * k)):
        less = " A smaller --k keeps more, and hides people less." if k > 2 else ""
        notes.append(f"With --k {k}, each class holds all {risk.subjects} people: what tells them apart is lost.{less}")
    return notes


def _k(risk: "Risk") -> int:
    return min(_K, risk.subjects)


def _is_to_go(guess: "Guess", rows: int) -> bool:
    """Tell whether a column has no place in what is published; of an unknown one, when each row has another value."""
    to_go = ("direct", "companion", "restricted", "other quasi")
    return guess.role in to_go or (guess.role == "unknown" and guess.values == rows)
