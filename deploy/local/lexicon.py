"""Builds the policy's lexicon from installed packages. Run as `python -m deploy.local.lexicon`, during setup.

Ordinary words come from the dictionaries of simplemma, names of people from the lists of Faker.
"""

import importlib
import pkgutil
import re
from collections import Counter
from collections.abc import Iterable, Iterator

import faker.providers.person
from simplemma.strategies import DefaultDictionaryFactory

from fairdatabase.policy.tables import lexicon
from fairdatabase.policy.tables.lexicon import Listed, hash_of
from fairdatabase.policy.text.characters import fold

LANGUAGES = ("en", "fr", "nl", "es", "it", "pt", "sv", "da", "cs", "pl", "fi")
# German capitalises every noun: its capitalised words are proper names only if they are in one of these languages.
# The others list the surnames of half of Europe.
GERMAN = "de"
NEIGHBOURS = frozenset(("en", "fr", "nl", "es", "it", "pt", "sv", "da"))
# Some languages have millions of inflected forms, most of them long and rare.
LONGEST = {"pl": 9, "fi": 9, "es": 11, "pt": 11, "sv": 12, "da": 12}
_WORD = re.compile(r"[^\W\d_]{2,40}")
_LATIN = str.maketrans({chr(code): fold(chr(code)) for code in range(0xC0, 0x250)})
# The locales name their lists differently: "first_names_male", "female_last_names".
_GIVEN_NAMES, _SURNAMES = "first_names", "last_names"


def main() -> None:
    """Write the lexicon."""
    given, surnames = set(map(hash_of, names(_GIVEN_NAMES))), set(map(hash_of, names(_SURNAMES)))
    dictionaries = DefaultDictionaryFactory(cache_max_size=1)
    ordinary: set[int] = set()
    proper: set[int] = set()
    proper_nearby: set[int] = set()
    # For each name: how many languages only capitalise it, minus how many never do.
    votes: Counter[int] = Counter()
    people = given | surnames
    for language in LANGUAGES:
        lower, capitalised = read(dictionaries.get_dictionary(language), LONGEST.get(language, 16))
        votes.update((capitalised - lower) & people)
        votes.subtract((lower - capitalised) & people)
        ordinary |= lower
        proper |= capitalised
        if language in NEIGHBOURS:
            proper_nearby |= capitalised
    lower, nouns = read(dictionaries.get_dictionary(GERMAN), 16)
    ordinary |= lower | (nouns - proper_nearby - people)
    ordinary -= {number for number, vote in votes.items() if vote > 0}
    flags = (
        (ordinary, Listed.ORDINARY),
        (proper, Listed.PROPER),
        (given, Listed.GIVEN),
        (surnames, Listed.SURNAME),
    )
    listed: dict[int, int] = {}
    for numbers, flag in flags:
        listed.update({number: listed.get(number, 0) + flag.value for number in numbers})
    lexicon.FILE.parent.mkdir(parents=True, exist_ok=True)
    lexicon.FILE.write_bytes(lexicon.encode(listed))


def read(words: Iterable[str], longest: int) -> tuple[set[int], set[int]]:
    """Return the hashes of a dictionary's lowercase words and of its capitalised ones."""
    folded = "\n".join([word for word in words if len(word) <= longest and word.isalpha()]).translate(_LATIN)
    lower = [word for word in folded.split("\n") if word.islower()]
    capitalised = re.findall(r"^[A-Z].*", folded, re.MULTILINE)
    return set(map(hash_of, lower)), set(map(hash_of, map(str.lower, capitalised)))


def names(kind: str) -> Iterator[str]:
    """Yield the folded names, in lower case, of the locales in Latin script."""
    for module in pkgutil.iter_modules(faker.providers.person.__path__):
        provider = importlib.import_module(f"faker.providers.person.{module.name}").Provider
        for attribute in dir(provider):
            entries = getattr(provider, attribute) if kind in attribute else ()
            # Some locales derive a list when it is asked for.
            for entry in entries if isinstance(entries, Iterable) else ():
                for word in _WORD.findall(fold(entry).lower()):
                    if word.isascii():
                        yield word
                        # The feminine form of a Slavic surname.
                        if word.endswith(("ski", "cki", "dzki")):
                            yield word[:-1] + "a"


if __name__ == "__main__":
    main()
