"""What a record declares about its donor never survives in its other values, however it is rearranged."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairdatabase.policy.recognizers.detection import redact_patterns
from fairdatabase.policy.recognizers.own_identifiers import Identifiers
from fairdatabase.policy.text.characters import clean, fold, squash
from tests.unit.policy.samples import POLICY


def erase(kind: str, declared: str, text: str) -> str:
    found = Identifiers([(kind, clean(declared))], POLICY.vocabulary)
    return redact_patterns(found.erase(fold(clean(text))), POLICY.vocabulary)


@pytest.mark.parametrize(
    ("kind", "declared", "text", "secrets"),
    [
        ("name", "Jörg Wünschmann", "wuenschmann, joerg", ["wuenschmann", "joerg"]),
        ("name", "Mueller-Thurn Anke", "anke müller", ["anke", "muller"]),
        ("name", "Anke Birte Vogelsang", "a.b.v. came", ["a.b.v"]),
        ("name", "Anke Birte Vogelsang", "abv came", ["abv"]),
        ("name", "Anke Vogelsang", "gnaslegov was here", ["gnaslegov"]),
        ("name", "Søren Kjærgård", "kjaergaard s.", ["kjaergaard", "s."]),
        ("email", "anke.vogelsang@post.example", "vogelsang_anke wrote", ["vogelsang", "anke"]),
        ("phone", "+31 6 12345911", "0 6 1 2 3 4 5 9 1 1", ["5 9 1 1"]),
        ("phone", "+31 6 12345911", "call 06-1234 59 11", ["59 11"]),
        ("code", "MRN 00551902", "number 551902", ["551902"]),
        ("code", "MRN 00551902", "file 20915500", ["20915500"]),
        ("code", "MRN 00551902", "0055 1902", ["1902"]),
        ("code", "K-017", "sample 017k and K17", ["017", "17"]),
        ("address", "7 Larkspur Hill, Feathertown 69121", "near larkspur in 69121", ["larkspur", "69121"]),
        ("address", "7 Larkspur Hill, Feathertown 69121", "from FEATHERTOWN", ["feathertown"]),
        ("date", "1957-11-23", "on 23/11 and 11/23", ["23", "11"]),
        ("date", "1957-11-23", "el 23 de noviembre de 1957", ["23", "1957"]),
        ("date", "1957-11-23", "23.XI.57", ["23"]),
        ("date", "1957-11-23", "75112 3 or 571123", ["571123"]),
    ],
)
def test_rearranged_identifier_is_erased(kind: str, declared: str, text: str, secrets: list[str]) -> None:
    erased = erase(kind, declared, text).lower()
    assert [secret for secret in secrets if secret in erased] == []


NAMES = st.sampled_from(["Zebulon", "Quartzfeather", "Wünschmann", "Østerby", "Larkspur-Vane", "Kjærgård", "Ödegård"])
STYLES = st.sampled_from([str.lower, str.upper, str.title, fold])
JOINTS = st.sampled_from([" ", ", ", "-", "_", ".", "/"])


@given(st.lists(NAMES, min_size=2, max_size=3, unique=True), STYLES, JOINTS, st.randoms(use_true_random=False))
def test_parts_of_a_name_in_any_order_are_erased(parts: list[str], style: object, joint: str, random: object) -> None:
    shuffled = list(parts)
    random.shuffle(shuffled)  # pyright: ignore[reportAttributeAccessIssue]
    text = joint.join(style(part) for part in shuffled)  # pyright: ignore[reportCallIssue]
    erased = squash(erase("name", " ".join(parts), f"they met {text} there"))
    assert [part for part in parts if squash(part) in erased] == []


@given(st.integers(10**7, 10**9), st.sampled_from(["", " ", "-", ".", "/", " - "]), st.booleans())
def test_digits_of_a_number_are_erased_however_they_are_spaced(number: int, joint: str, is_reversed: bool) -> None:
    digits = str(number)[::-1] if is_reversed else str(number)
    erased = erase("code", f"MRN {number}", f"see {joint.join(digits)} again")
    assert not any(c.isdigit() for c in erased)
