"""The fast path that reads values gives the same result as the slow path."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairdatabase.policy.text.characters import clean, squash
from fairdatabase.policy.text.scalars import are_clean, read_text
from tests.unit.policy.samples import POLICY, kept

TEXTS = st.text(st.sampled_from("ab7|-_ \t\n\0é\u00a0\u200b\x7f"), max_size=6)


@given(st.lists(TEXTS, max_size=4))
def test_clean_texts_are_recognised(texts: list[str]) -> None:
    if are_clean(texts):
        assert [clean(text) for text in texts] == texts


@pytest.mark.parametrize("text", [" a", "a ", "a  b", "a\tb", "a\0", "é", "a\u200b", "a" * 4001])
def test_one_unclean_text_is_noticed_among_others(text: str) -> None:
    assert are_clean(["feces", "34 years", "", "left palm"])
    assert not are_clean(["feces", text, "left palm"])


def test_unclean_text_does_not_affect_other_texts() -> None:
    assert kept({"age": " 34", "body_site": "left palm", "notes": "a\u200bt"}) == {
        "age": "30-39",
        "body_site": "left palm",
        "notes": "at",
    }
    assert read_text(" \u200b") is None


@given(st.text(max_size=8))
def test_squashed_text_is_letters_and_digits_in_lower_case(text: str) -> None:
    squashed = squash(text)
    assert squashed == squash(f"-{text}.")
    assert squashed == squashed.lower()


@pytest.mark.parametrize("how", [str, str.upper, str.title, lambda term: f"missing: {term}", lambda term: f"_{term}-"])
def test_missing_value_term_is_found_in_any_spelling(how: object) -> None:
    for term, stored in POLICY.vocabulary.missing.stored.items():
        if term:
            for spelling in (term, term.replace(" ", "_")):
                found = POLICY.vocabulary.missing.term(how(spelling))  # pyright: ignore[reportCallIssue]
                # Behind "missing:", some terms are reasons.
                assert found in (stored, f"missing: {stored}")
