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


@pytest.mark.parametrize(
    "spellings",
    [
        ("HV1", "hv1", " HV\u200b  1 ", "HV-1", "HV_1", "hv.1", "HV/1", "(HV1)", "НV1", "H V 1", "ＨＶ１", "HV–1"),
        ("7", "07", "007", "7.0", "7.00", " 7 ", "٧"),
        ("UMCG-12/3", "umcg 12-3", "UMCG12.3", "umcg_12_3"),
        ("Zoë Straße", "ZOE STRASSE", "zoe-strasse", "Zoe\u0308 Straße"),
        ("王小明 2", "王小明-2"),
        ("कि1", "कि-1"),
        ("—", " — "),
    ],
)
def test_spellings_of_one_donor_are_one_subject(spellings: tuple[str, ...]) -> None:
    assert len({normalise_subject(spelling) for spelling in spellings}) == 1


@pytest.mark.parametrize(
    "subjects",
    [
        ("1-12", "11-2", "112"),
        ("P1", "P01", "P10"),
        ("P1.0", "P1", "P10"),
        ("7-0", "7", "70"),
        ("A+", "A-", "A*"),
        ("कि", "का", "क"),
        ("P1", "Q1", "1P"),
        ("王小明", "王小红"),
    ],
)
def test_different_donors_stay_different(subjects: tuple[str, ...]) -> None:
    assert len({normalise_subject(subject) for subject in subjects}) == len(subjects)


def test_blank_subject_names_nobody() -> None:
    assert [normalise_subject(text) for text in ("", " ", "\u200b")] == [""] * 3
