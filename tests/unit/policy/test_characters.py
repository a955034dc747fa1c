"""Two ways of writing the same thing compare equal."""

import pytest

from fairdatabase.policy.text.characters import clean, fold, normalise_subject, squash


@pytest.mark.parametrize(
    ("written", "seen"),
    [
        ("  two\t words \n", "two words"),
        ("zero\u200bwidth\u00ad\ufeff", "zerowidth"),
        ("bell\x07 and \x1b[0m", "bell and [0m"),
        ("ｆｕｌｌ", "full"),
        ("variation\ufe0f", "variation"),
    ],
)
def test_invisible_characters_and_unicode_forms_are_removed(written: str, seen: str) -> None:
    assert clean(written) == seen


@pytest.mark.parametrize(
    ("written", "compared"),
    [
        ("Jané-Doe 7", "janedoe7"),
        ("Аgе", "age"),
        ("ΝΑΜΕ", "name"),
        ("Łukasz", "lukasz"),
        ("٣.٤", "34"),
        ("王小明", "王小明"),
    ],
)
def test_look_alikes_accents_and_separators_do_not_matter(written: str, compared: str) -> None:
    assert squash(written) == compared


def test_fold_keeps_case_and_separators() -> None:
    assert fold("Jané–Doe") == "Jane-Doe"


def test_subject_keeps_its_case() -> None:
    assert normalise_subject(" Subject\u200b  1 ") == "Subject 1"
    assert normalise_subject("HV1") != normalise_subject("hv1")
