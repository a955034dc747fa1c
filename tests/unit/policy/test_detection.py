"""A pattern is searched only in texts that meet its preconditions. Each match meets them, so none is missed."""

import re

import pytest

from fairdatabase.policy.recognizers.detection import REDACTED, is_identifying, redact_patterns
from fairdatabase.policy.recognizers.triggers import lower
from tests.unit.policy.samples import POLICY

# Each text has as few digits as its pattern permits, and begins as far before its digits as the pattern permits.
FEWEST = [
    "GB29 NWBK ABCD EFGH",
    "AB 12 34 56 C",
    "SAMEA1234",
    "12 X 85",
    "1.1.1.1",
    "1-2-85",
    "2008.1",
    "1985年",
    "85年",
    "+1 () - / 2",
    "03451 6 - - 7",
    "0123456",
    "123456789",
    "19850412",
    "04121985",
    "850412-123",
    "850412A123",
    "septiembre. , '85",
    "3rdmar85",
    "3._mar_85",
    "3 mar",
    "mar 3",
    "a@b",
    "x at y dot z",
    "x [at] y",
    "www.x",
    "x.de",
]
FEWEST_IN_TEXT = [
    "x 5 main st",
    "x 5a, old main ROAD",
    "x 1234567",
    "x abcdefghijklmnopqrstuvwxyzstrasse 5",
    "x A1B2C3D4E5F6",
    "x ABCDEF123456",
    "x rue jane",
    "x J.D.",
    "dear dr jane",
    "x #123",
    "x tel.1234567",
    "mrn:1234567",
    "j o h n",
    "é ß ü é",
    "zq at qx punkt de",
    "twentyfirst of march",
    "mai the first",
    "nineteen-eighty",
]
LOOK_ALIKES = str.maketrans({"s": "ſ", "k": "\u212a", "i": "ı"})


@pytest.mark.parametrize("text", FEWEST)
@pytest.mark.parametrize("around", ["{}", "stool, {}", "({})", "é {}", "7 {} 7"])
def test_pattern_is_found_anywhere_in_a_text(text: str, around: str) -> None:
    assert is_identifying(around.format(text))
    assert REDACTED in redact_patterns(around.format(text), POLICY.vocabulary)


@pytest.mark.parametrize("text", FEWEST_IN_TEXT)
@pytest.mark.parametrize("around", ["{}", "stool, {}", "(7) {}", "é {}"])
def test_pattern_of_free_text_is_redacted_anywhere(text: str, around: str) -> None:
    assert REDACTED in redact_patterns(around.format(text), POLICY.vocabulary)


@pytest.mark.parametrize(
    "text", ["septiembre 85", "3 dic", "x 5 main st", "x quartzstrasse 5", "x chemin jane", "ssn 7a"]
)
def test_letters_like_ascii_ones_do_not_hide_a_pattern(text: str) -> None:
    assert REDACTED in redact_patterns(text.translate(LOOK_ALIKES), POLICY.vocabulary)


def test_each_letter_that_matches_an_ascii_one_is_lowered_to_it() -> None:
    letters = re.compile("[a-z]", re.IGNORECASE)
    alike = [chr(code) for code in range(128, 0x110000) if letters.fullmatch(chr(code))]
    assert alike == ["İ", "ı", "ſ", "\u212a"]
    for character in alike:
        assert re.fullmatch(lower(character), character, re.IGNORECASE)
        assert lower(character).isascii()


@pytest.mark.parametrize("text", ["stool 12", "16S rRNA", "V4", "9606", "101", "pH 7.4", "-80", "decorated", "strange"])
def test_text_that_only_resembles_a_pattern_stays(text: str) -> None:
    assert not is_identifying(text)
