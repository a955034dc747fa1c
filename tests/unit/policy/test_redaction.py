"""Free text of ten languages: what identifies somebody is hidden wholly, and what a laboratory writes stays."""

import pytest

from fairdatabase.policy.recognizers.detection import redact_patterns
from fairdatabase.policy.text.characters import fold
from tests.redaction.corpus import Score, Snippet, is_good, read_corpus, score
from tests.unit.policy.samples import POLICY

LEAST_HIDDEN, MOST_DAMAGED = 0.95, 0.03
# One kind or language has few snippets, so one miss weighs more.
LEAST_HIDDEN_OF_A_GROUP, MOST_DAMAGED_OF_A_GROUP = 0.9, 0.1


def redact(text: str) -> str:
    folded = fold(text)
    redacted = redact_patterns(folded, POLICY.vocabulary)
    return text if redacted == folded else redacted


# The second half was written after the rules, by other templates and with other values.
CORPUS = [*read_corpus("corpus"), *read_corpus("second")]
IDENTIFYING = [snippet for snippet in CORPUS if snippet.secrets]
HARMLESS = [snippet for snippet in CORPUS if not snippet.secrets]


def overall(snippets: list[Snippet]) -> Score:
    return score(snippets, redact, lambda snippet: "all")["all"]


def misses(snippets: list[Snippet]) -> str:
    return "\n".join(f"{s.language} {s.kind}: {s.text}" for s in snippets if not is_good(s, redact(s.text)))


def test_corpus_is_large_enough_to_tell() -> None:
    assert len(IDENTIFYING) >= 400
    assert len(HARMLESS) >= 400
    assert len({snippet.language for snippet in CORPUS}) == 10


def test_identifying_snippets_are_hidden() -> None:
    assert overall(IDENTIFYING).share >= LEAST_HIDDEN, misses(IDENTIFYING)


def test_harmless_snippets_are_not_damaged() -> None:
    assert overall(HARMLESS).share >= 1 - MOST_DAMAGED, misses(HARMLESS)


@pytest.mark.parametrize("group", ["kind", "language"])
def test_no_kind_and_no_language_falls_behind(group: str) -> None:
    hidden = score(IDENTIFYING, redact, lambda snippet: getattr(snippet, group))
    intact = score(HARMLESS, redact, lambda snippet: getattr(snippet, group))
    assert {name: found for name, found in hidden.items() if found.share < LEAST_HIDDEN_OF_A_GROUP} == {}
    assert {name: found for name, found in intact.items() if found.share < 1 - MOST_DAMAGED_OF_A_GROUP} == {}
