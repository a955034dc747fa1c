"""Policy: the class that a policy of fields gives to the columns of a table, by their titles.

The policy is TOML as `policy.toml` explains: groups with a class, an action, and fields with their other
names. This reads no more of it than is needed to guess what a column is.
"""

import re
import tomllib
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from fairdatabase.anonymity.model.classes import group
from fairdatabase.anonymity.model.table import Table

_SEPARATORS = re.compile(r"[\W_]+")
_ONTOLOGY = "ontologytermid"


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a policy takes a column for: the field, its class ("direct", "quasi", "sensitive", "public") and action.

    `companion` is set for an ontology id, which follows the field that it belongs to.
    """

    name: str
    field_class: str
    action: str
    companion: bool = False


@dataclass(frozen=True, slots=True)
class Guide:
    """The fields of a policy, by the names that people give them."""

    version: str
    spellings: dict[str, Meaning]
    prefixes: tuple[str, ...] = ()
    patterns: tuple[tuple[re.Pattern[str], Meaning], ...] = field(default=())

    def meaning(self, title: str) -> Meaning | None:
        """Return what the policy takes a column for, None when it does not know the name."""
        squashed = _squash(title)
        found = self._find(squashed)
        if found is None:
            found = next((meaning for pattern, meaning in self.patterns if pattern.search(squashed)), None)
        return found

    def _find(self, squashed: str) -> Meaning | None:
        found = self.spellings.get(squashed)
        if found is None and squashed.endswith(_ONTOLOGY):
            base = self._find(squashed.removesuffix(_ONTOLOGY))
            return (
                Meaning(base.name, base.field_class, base.action, companion=True)
                if base and not base.companion
                else None
            )
        if found is None:
            for prefix in self.prefixes:
                if squashed.startswith(prefix) and (found := self.spellings.get(squashed[len(prefix) :])):
                    return found
        return found


def read_guide(text: str) -> Guide:
    """Return the guide of a policy. Raises ValueError, KeyError."""
    content = tomllib.loads(text)
    spellings: dict[str, Meaning] = {}
    patterns: list[tuple[re.Pattern[str], Meaning]] = []
    for entry in content["group"]:
        fields = {name: Meaning(name, entry["class"], entry["action"]) for name in entry["fields"]}
        for name, others in entry["fields"].items():
            spellings |= {_squash(spelling): fields[name] for spelling in (name, *others)}
        patterns += [(re.compile(form), spellings[_squash(name)]) for name, form in entry.get("patterns", {}).items()]
    return Guide(content["version"], spellings, tuple(content.get("prefixes", [])), tuple(patterns))


def _squash(title: str) -> str:
    """Return letters and digits only, without accents, in lower case."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", title) if not unicodedata.combining(c))
    return _SEPARATORS.sub("", plain).lower()


@dataclass(frozen=True, slots=True)
class Guess:
    """One column: what it is taken for, and why."""

    title: str
    role: str
    why: str
    values: int


def guess_roles(guide: Guide, table: Table) -> list[Guess]:
    """Return the role of each column, from its title and its values.

    Roles: "direct", "subject", "quasi", "sensitive", "restricted" (sensitive, and so particular that it may find one
    person), "public", "companion" (one that says the same as another that is quasi or sensitive) and "unknown". The
    first column that names subjects is the subject; of quasi-identifiers that say the same, the one with the plainest
    title stays.
    """
    found: list[Guess] = []
    alike: list[list[str]] = []
    for title, column in table.columns.items():
        values = len(column.values)
        role, why = _role(guide.meaning(title), values, table.rows)
        if role == "subject" and any(guess.role == "subject" for guess in found):
            role, why = "direct", "names the subject again"
        if role == "quasi" and values > 1:
            same = next((titles for titles in alike if _say_the_same(table, titles[0], title)), None)
            if same is None:
                alike.append([title])
            else:
                same.append(title)
        found.append(Guess(title, role, why, values))
    plain = {title: min(titles, key=lambda t: len(_words(t))) for titles in alike for title in titles}
    return [
        replace(guess, role="companion", why=f"says the same as {plain[guess.title]}")
        if plain.get(guess.title, guess.title) != guess.title
        else guess
        for guess in found
    ]


def _say_the_same(table: Table, first: str, second: str) -> bool:
    """Tell whether two columns tell the same rows apart, and their titles begin alike: others may agree by chance."""
    values = len(table[first].values)
    if values != len(table[second].values) or _words(first)[0] != _words(second)[0]:
        return False
    return group([table[first].codes, table[second].codes])[1] == values


def _words(title: str) -> list[str]:
    """Return the words of a title: "age_max" has two."""
    return _SEPARATORS.split(title.strip().lower())


def _role(meaning: Meaning | None, values: int, rows: int) -> tuple[str, str]:
    if meaning is None:
        alone = values == rows > 1
        return "unknown", "not in the policy; another value in every row" if alone else "not in the policy"
    if meaning.companion and meaning.field_class in ("quasi", "sensitive"):
        return "companion", f"says the same as {meaning.name}"
    if meaning.action == "subject":
        return "subject", "names the person"
    return meaning.field_class, meaning.name


def as_json(guesses: Sequence[Guess]) -> list[dict[str, Any]]:
    """Return guesses as JSON holds them."""
    return [{"column": guess.title, "role": guess.role, "why": guess.why, "values": guess.values} for guess in guesses]
