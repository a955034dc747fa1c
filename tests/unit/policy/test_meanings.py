"""Meanings: every name of a field asks the field's question, by a list that a person can read in one sitting."""

import random
import re
from pathlib import Path
from typing import NamedTuple

import pytest

from fairdatabase.policy.text.characters import squash
from tests.unit.policy.records import GROUPS
from tests.unit.policy.samples import POLICY

FILE = Path(__file__).with_name("meanings.txt")
# A word that makes another question of a name, unless the field's own question has it too.
TURNING = frozenset(
    [
        "no",
        "non",
        "not",
        "never",
        "without",
        "ex",
        "former",
        "past",
        "last",
        "previous",
        "ever",
        "current",
        "mother",
        "mothers",
        "father",
        "fathers",
        "maternal",
        "paternal",
        "parent",
        "infant",
        "child",
        "sibling",
        "partner",
        "spouse",
        "family",
        "birth",
        "onset",
        "diagnosis",
        "death",
        "baseline",
        "change",
        "fasting",
        "mean",
        "average",
        "median",
        "start",
        "end",
    ]
)
# Names whose turning word says the same as another word of the question.
ALLOWED = {
    "sex at birth": {"birth"},
    "birth mode": {"birth"},
    "birth method": {"birth"},
    "preterm birth": {"birth"},
    "neonatal preterm birth": {"birth"},
    "antibiotics last month": {"last"},
    "antibiotics last 3 months": {"last"},
    "antibiotics last 6 months": {"last"},
    "antibiotics last year": {"last"},
    "ex smoker": {"ex"},
}


class Meaning(NamedTuple):
    """One line of the list."""

    field: str
    question: str
    values: str
    names: tuple[str, ...]


def read_meanings() -> list[Meaning]:
    lines = [line for line in FILE.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    parts = [[part.strip() for part in line.split("|")] for line in lines]
    return [Meaning(field, question, values, tuple(names.split("; "))) for field, question, values, names in parts]


MEANINGS = read_meanings()
TRANSLATED = "translated: "
ASKED = [
    meaning
    for meaning in MEANINGS
    if POLICY.fields[meaning.field].is_stored and not meaning.question.startswith(TRANSLATED)
]


def test_list_has_exactly_the_names_of_the_policy() -> None:
    names = [(field, tuple(names)) for group in GROUPS for field, names in group["fields"].items() if names]
    names += [
        (field, tuple(translated["names"]))
        for group in GROUPS
        for field, translated in group.get("translated", {}).items()
    ]
    assert sorted((meaning.field, meaning.names) for meaning in MEANINGS) == sorted(names)


def test_every_line_says_the_question_and_the_values() -> None:
    for meaning in MEANINGS:
        if meaning.question.startswith(TRANSLATED):
            continue
        assert meaning.values, meaning.field
        assert meaning.question.startswith("MIxS: ") or re.search(r"\?( \((?:MIxS|INSDC)\))?$", meaning.question), (
            meaning.question
        )


@pytest.mark.parametrize("meaning", ASKED, ids=lambda meaning: meaning.field)
def test_no_name_of_a_stored_field_turns_its_question(meaning: Meaning) -> None:
    asked = set(re.findall(r"[a-z]+", f"{meaning.field} {meaning.question}".lower()))
    for name in meaning.names:
        words = set(re.findall(r"[a-z]+", name.lower()))
        assert (name, words & TURNING - asked - ALLOWED.get(name, set())) == (name, set())


BEFORE = [
    *("no", "non", "not", "never", "without", "ex", "former", "past", "last", "previous", "prior", "recent", "future"),
    *("mother", "father", "maternal", "paternal", "parent", "infant", "child", "baby", "sibling", "twin", "partner"),
    *("family", "relative", "other", "second", "suspected", "treated for", "reason for", "change in", "days since"),
    *("number of", "age at", "time of", "start", "end"),
]
BEHIND = [
    *("change", "at birth", "of mother", "of father", "in family", "of partner", "at onset", "at diagnosis", "unit"),
    *("method", "category", "status", "code", "id", "type", "frequency", "duration", "severity", "score", "rank"),
    *("last year", "before", "after", "start", "end", "date", "history", "baseline", "percentile", "sd", "2"),
]


def test_no_word_beside_a_name_makes_it_another_question() -> None:
    listed = {squash(name) for group in GROUPS for field, names in group["fields"].items() for name in (field, *names)}
    listed |= {squash(name) for meaning in MEANINGS for name in meaning.names}
    names = [name for name in sorted(listed) if (found := POLICY.listed(name)) and found.is_stored]
    for name in random.Random(11).sample(names, 300):
        field = POLICY.listed(name)
        turned = [f"{word}_{name}" for word in BEFORE] + [f"{name}_{word}" for word in BEHIND]
        turned += [f"{name} ({word})" for word in BEHIND] + [f"{name}, {word}" for word in BEHIND]
        for title in turned:
            assert squash(title) in listed or POLICY.listed(title) is not field, title


def test_every_name_finds_its_field() -> None:
    for meaning in MEANINGS:
        for name in meaning.names:
            found = POLICY.listed(name)
            assert found is not None
            assert (name, found.name) == (name, meaning.field)
            assert squash(name)
