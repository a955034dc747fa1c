"""Corpus: made-up snippets of free text in ten languages, labelled by kind. Braces mark what identifies somebody."""

import re
import tomllib
from collections import defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

from fairdatabase.policy.text.characters import clean, fold

_FOLDER = Path(__file__).parent
_SECRET = re.compile(r"\{([^}]*)\}")
_WORD = re.compile(r"[^\W_]+")
# The words of a secret that identify nobody: articles, parts of names, months, units and words for streets and ages.
_OPEN = _WORD.findall(
    """
    at dot punkt punt point punto ponto kropka piste arroba arobase chez chiocciola apenstaartje malpa snabel
    miukumauku
    org com net de fr nl es it pt se pl fi uk co br www http https the of th rd nd st a y e o i n c no bis am
    years year jahre jahr ans anos anni ar lat lata jaar vuotta old van der da do del dei la le des du dos
    calle via viale rua rue ulica ul al os pl plaza praca piazza avenida avda corso apartado casella postale caixa
    postal
    travessa box chemin avenue flat en el
    """
)


class Snippet(NamedTuple):
    """One snippet. `secrets` are the words of which none may survive; a harmless snippet has none."""

    language: str
    kind: str
    text: str
    secrets: frozenset[str]


class Score(NamedTuple):
    """How many snippets of a group are as they should be."""

    good: int
    total: int

    @property
    def share(self) -> float:
        return self.good / self.total if self.total else 1.0


def read_corpus(name: str = "corpus") -> list[Snippet]:
    """Return the snippets of a folder beside this module."""
    snippets: list[Snippet] = []
    for path in sorted((_FOLDER / name).glob("*.toml")):
        content = tomllib.loads(path.read_text(encoding="utf-8"))
        for kinds in content.values():
            for kind, texts in kinds.items():
                snippets += [_snippet(path.stem, kind, text) for text in texts]
    return snippets


def is_good(snippet: Snippet, redacted: str) -> bool:
    """Return whether a redacted text has no word of a secret, or is unchanged if it has no secret."""
    if not snippet.secrets:
        return redacted == snippet.text
    return snippet.secrets.isdisjoint(_words(redacted))


def score(
    snippets: Iterable[Snippet], redact: Callable[[str], str], group: Callable[[Snippet], str]
) -> dict[str, Score]:
    """Return the score of each group of snippets."""
    found: defaultdict[str, list[bool]] = defaultdict(list)
    for snippet in snippets:
        found[group(snippet)].append(is_good(snippet, redact(snippet.text)))
    return {name: Score(sum(good), len(good)) for name, good in sorted(found.items())}


def _snippet(language: str, kind: str, marked: str) -> Snippet:
    secrets = {word for secret in _SECRET.findall(marked) for word in _words(secret)}
    return Snippet(language, kind, clean(_SECRET.sub(r"\1", marked)), frozenset(secrets.difference(_OPEN)))


def _words(text: str) -> set[str]:
    return set(_WORD.findall(fold(clean(text)).lower()))
