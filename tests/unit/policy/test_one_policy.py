"""`fairdb report` and the review of the platform read one policy: they agree on every name, however it is disguised."""

import csv
import json
import random
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fairdatabase.anonymity.model.values import is_missing
from privacy_svc import review
from tests.unit.client.commands import run
from tests.unit.policy.records import GROUPS, VOCABULARY
from tests.unit.policy.samples import kept

LISTED = [name for group in GROUPS for field, others in group["fields"].items() for name in (field, *others)]
CYRILLIC = str.maketrans("aceopxyijsABCEHIKMOPTX", "асеорхуіјѕАВСЕНІКМОРТХ")
GREEK = str.maketrans("aikonptuxABEHIKMNOPTXYZ", "αικονρτυχΑΒΕΗΙΚΜΝΟΡΤΧΥΖ")
ACCENTS = str.maketrans(dict(zip("aeioucnyzAEIOU", "áèïôűçñýžÀÉÎÖÜ", strict=True)))
# Columns per table: a record of the review has at most 500 fields.
COLUMNS = 400
# For classes with different names: the report's name, and the names that the review may give instead.
ROLES = {"quasi": ("quasi-identifier",), "subject": ("direct",), "companion": ("quasi-identifier", "sensitive")}


def wide(text: str) -> str:
    return "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in text)


def combining(text: str) -> str:
    return re.sub(r"([aeiou])", "\\1\u0301", text)


def mixed(text: str) -> str:
    half = len(text) // 2
    return f"{text[:half].translate(CYRILLIC)}\u200b{wide(text[half:])}"


DISGUISES: dict[str, Callable[[str], str]] = {
    "upper case": str.upper,
    "Cyrillic": lambda text: text.translate(CYRILLIC),
    "Cyrillic capitals": lambda text: text.upper().translate(CYRILLIC),
    "Greek": lambda text: text.translate(GREEK),
    "fullwidth": wide,
    "accents": lambda text: text.translate(ACCENTS),
    "combining accents": combining,
    "zero width": "\u200b".join,
    "soft hyphens": lambda text: text.replace(" ", "\u00ad "),
    "other spaces": lambda text: text.replace(" ", "\u2009"),
    "mixed": mixed,
    "host": lambda text: f"Hоst {text}",
    "ontology": lambda text: f"{text}_ontology_term_іd",
}


def look_alikes() -> list[str]:
    """Return disguised spellings of every kind. Each differs from the listed spelling."""
    dice = random.Random(7)
    made: dict[str, None] = {}
    for disguise in DISGUISES.values():
        changed = [name for name in map(disguise, LISTED) if name not in LISTED]
        made |= dict.fromkeys(dice.sample(changed, 60))
    return list(made)


def classes_of_report(folder: Path, titles: list[str]) -> dict[str, str]:
    """Return the class that `fairdb report` gives each title. In a table of one row, no column repeats another."""
    file = folder / "table.csv"
    with file.open("w", encoding="utf-8", newline="") as lines:
        csv.writer(lines).writerows([titles, ["1"] * len(titles)])
    answer = json.loads(run("report", file, "--quasi", titles[0], "--json").stdout)
    return {column["column"]: column["role"] for column in answer["columns"]}


def classes_of_review(folder: Path, titles: list[str], capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    """Return the class of each title as `python -m privacy_svc.review` prints it."""
    assert review.main([str(folder / "table.csv")]) == 0
    lines = capsys.readouterr().out.splitlines()
    found: dict[str, str] = {}
    for title in titles:
        (line,) = [line for line in lines if line.startswith(f"  {title}: ")]
        found[title] = line.removeprefix(f"  {title}: ").split(", ")[1]
    return found


def chunks(titles: list[str]) -> Iterator[list[str]]:
    for begin in range(0, len(titles), COLUMNS):
        # The first column is for --quasi: with one quasi-identifier, the report does not measure hundreds of columns.
        yield ["shoe size", *titles[begin : begin + COLUMNS]]


@pytest.mark.parametrize("titles", [list(dict.fromkeys(LISTED)), look_alikes()], ids=["listed", "look-alikes"])
def test_report_and_review_give_a_name_the_same_class(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], titles: list[str]
) -> None:
    assert len(titles) > 600
    known = 0
    for chunk in chunks(titles):
        theirs, ours = classes_of_report(tmp_path, chunk), classes_of_review(tmp_path, chunk, capsys)
        for title in chunk[1:]:
            role = theirs[title].removeprefix("other ")
            assert ours[title] in ROLES.get(role, (role,)), (title, ascii(title))
            known += ours[title] != "unknown"
    # Most disguised names are recognised. Some letters have no look-alike that a reader would mistake for them.
    assert known > len(titles) * 0.9


@pytest.mark.parametrize("title", ["еmail", "Sеx", "Аge", "pаtient_id", "ＤＯＮＯＲ＿ＮＡＭＥ", "e\u200bmail"])
def test_look_alike_of_an_identifying_name_is_recognised_by_both(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], title: str
) -> None:
    titles = ["shoe size", title]
    assert classes_of_report(tmp_path, titles)[title] != "unknown"
    assert classes_of_review(tmp_path, titles, capsys)[title] != "unknown"


MISSING = [*VOCABULARY["missing"]["terms"], *VOCABULARY["missing"]["blanks"], "", "-", "--", "_"]


@pytest.mark.parametrize(
    "disguise",
    [
        str,
        str.upper,
        str.title,
        lambda text: f"missing: {text}" if text[:1].isalnum() else text,
        " {}\u00a0".format,
        wide,
    ],
)
def test_missing_value_is_recognised_by_both(disguise: Callable[[str], str]) -> None:
    for text in map(disguise, MISSING):
        assert is_missing(text), ascii(text)
        # A missing age is stored as nothing or as an INSDC term.
        terms = VOCABULARY["missing"]["terms"]
        stored = {*terms, *(f"missing: {reason}" for reason in VOCABULARY["missing"]["reasons"])}
        assert set(kept({"age": text}).values()) <= stored, ascii(text)


@pytest.mark.parametrize("text", ["nothing", "nan1", "not", "applicable", "0", "n", "missing link"])
def test_neither_takes_an_ordinary_value_for_missing(text: str) -> None:
    assert not is_missing(text)
    assert kept({"notes": text}) == {"notes": text}


def test_none_is_missing_among_numbers_of_a_table_and_an_answer_in_a_sample() -> None:
    assert is_missing("None")
    assert kept({"disease": "none"}) == {"disease": "none"}
