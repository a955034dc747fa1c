"""People: what a public field may say of a sample that is, or may be, of a person."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_PEOPLE_FILE = Path(__file__).with_name("people.toml")
_PARTS = re.compile(r"[\s-]+")
_ID = re.compile(r"ENVO:(\d+)")


@dataclass(frozen=True, slots=True)
class PlainWords:
    """The content of people.toml, ready for look-up. All words are in lower case, without hyphens."""

    sites: frozenset[str]
    """Plain words of sites and media of a person."""
    elsewhere: frozenset[str]
    """Plain words of sites and media where the sample only may be of a person."""
    visits: frozenset[str]
    phrases: re.Pattern[str]
    """Phrases that are plain, though their words are not. Words are separated by single spaces."""
    findings: tuple[frozenset[str], frozenset[str]]
    qualifiers: frozenset[str]
    parts: frozenset[str]
    """Parts of the body."""
    foods: frozenset[str]
    """A qualifier makes a part of the body or a food say something about a person."""
    adjectives: frozenset[str]
    """Words that do so only directly before a part of the body: "dry skin"."""
    laboratory: frozenset[str]
    """Plain words of all other fields: of sampling, processing and sequencing."""
    human: frozenset[str]
    unclear_hosts: frozenset[str]
    other_hosts: frozenset[str]
    """Ids of NCBI Taxonomy for hosts that are no people."""
    environments: frozenset[str]
    """Words of organisms that name a community of an environment, or an animal or a plant."""
    taxa: frozenset[int]
    """Ids of NCBI Taxonomy for such communities."""
    of_any_sample: frozenset[str]
    """Fields that do not show that a sample is of a person."""
    ontologies: frozenset[str]
    environment_ids: frozenset[int]
    """Ids of ENVO that are plain."""


def load_plain_words(sections: Mapping[str, str]) -> PlainWords:
    """Read people.toml. `sections` are the words of the vocabulary. Raises KeyError or ValueError."""
    content = tomllib.loads(_PEOPLE_FILE.read_text(encoding="utf-8"))
    words: dict[str, str] = content["words"]
    anatomy, environment = _split(sections["anatomy"]), _split(sections["environment"])
    sites = (anatomy - _split(words["not_sites"])) | _split(words["sites"]) | _split(words["media"])
    foods = _split(words["foods"])
    first, second = content["findings"]["words"]
    return PlainWords(
        sites=sites,
        elsewhere=(sites | environment | foods | _split(words["elsewhere"])) - _split(words["not_elsewhere"]),
        visits=_split(words["visits"]),
        phrases=re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, content['findings']['phrases']))})(?!\w)"),
        findings=(_split(first), _split(second)),
        qualifiers=_split(words["qualifiers"]),
        parts=anatomy - _split(words["not_parts"]),
        foods=foods,
        adjectives=_split(words["adjectives"]),
        laboratory=(sites | _split(sections["sequencing"]) | _split(words["laboratory"]) | _split(words["methods"]))
        - _split(words["not_laboratory"]),
        human=_split(content["origin"]["human"]),
        unclear_hosts=_split(content["origin"]["unclear_hosts"]),
        other_hosts=frozenset(content["origin"]["other_hosts"].split()),
        environments=(environment - _split(content["origin"]["not_environments"]) - anatomy)
        | _split(content["origin"]["environments"]),
        taxa=frozenset(map(int, content["origin"]["taxa"].split())),
        of_any_sample=frozenset(content["origin"]["fields_of_any_sample"]),
        ontologies=frozenset(content["ontologies"]["plain"]),
        environment_ids=frozenset(int(number) for id in content["ontologies"]["ids"] for number in _ID.findall(id)),
    )


def _split(text: str) -> frozenset[str]:
    return frozenset(word for word in _PARTS.split(text.lower()) if word)
