"""Measures how much of what identifies is hidden in free text, and how much of what does not is damaged.

Run as `python -m bench.redaction`. It prints the corpus of the tests by kind and by language, for the policy and, if
`make bench-setup` has installed them, for the pattern recognizers of Presidio without a language model.
"""

import importlib
import logging
import sys
from collections.abc import Callable
from typing import Any

from deploy.local.layout import CHECKOUT
from fairdatabase.policy.recognizers.detection import REDACTED, redact_patterns
from fairdatabase.policy.tables.reader import load_policy
from fairdatabase.policy.text.characters import fold

sys.path.insert(0, str(CHECKOUT))

from tests.redaction.corpus import Snippet, read_corpus, score

Redact = Callable[[str], str]


def main() -> None:
    """Print two tables: what identifies and is hidden, and what does not identify and is unchanged."""
    rivals: dict[str, Redact] = {"policy": policy()}
    try:
        rivals["Presidio"] = presidio()
    except ModuleNotFoundError as error:
        print(f"without Presidio: {error}; run `make bench-setup`")
    snippets = [*read_corpus("corpus"), *read_corpus("second")]
    print_shares("hidden", [snippet for snippet in snippets if snippet.secrets], rivals)
    print_shares("unchanged", [snippet for snippet in snippets if not snippet.secrets], rivals)


def policy() -> Redact:
    vocabulary = load_policy().vocabulary

    def redact(text: str) -> str:
        folded = fold(text)
        redacted = redact_patterns(folded, vocabulary)
        return text if redacted == folded else redacted

    return redact


def presidio() -> Redact:
    """Return redaction by all of Presidio's recognizers that work by patterns. Raises ModuleNotFoundError."""
    # It tries to update its list of domains, and logs if it cannot.
    logging.disable(logging.ERROR)
    module: Any = importlib.import_module("presidio_analyzer.predefined_recognizers")
    base: Any = importlib.import_module("presidio_analyzer").PatternRecognizer
    classes = [found for name in sorted(dir(module)) if isinstance(found := getattr(module, name), type)]
    recognizers: list[Any] = [
        found() for found in classes if issubclass(found, base) or found is module.PhoneRecognizer
    ]

    def redact(text: str) -> str:
        spans = {
            (found.start, found.end)
            for recognizer in recognizers
            for found in recognizer.analyze(text, recognizer.supported_entities, None) or ()
        }
        for start, end in sorted(spans, reverse=True):
            text = text[:start] + REDACTED + text[end:]
        return text

    return redact


def print_shares(verb: str, snippets: list[Snippet], rivals: dict[str, Redact]) -> None:
    """Print the share of good snippets overall, by kind and by language."""
    print(f"\n{verb:<14}{'snippets':>9}" + "".join(f"{name:>10}" for name in rivals))
    groups: list[Callable[[Snippet], str]] = [lambda _: "all", lambda s: s.kind, lambda s: s.language]
    for group in groups:
        scores = {name: score(snippets, redact, group) for name, redact in rivals.items()}
        for key, found in scores["policy"].items():
            shares = "".join(f"{scores[name][key].share:>10.1%}" for name in rivals)
            print(f"{key:<14}{found.total:>9}{shares}")


if __name__ == "__main__":
    main()
