"""Topics: what the words and ontology ids of a value reveal about the donor."""

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fairdb.privacy.v1.field_class_pb2 import FieldClass

TOPICS_FILE = Path(__file__).with_name("topics.toml")
_ANATOMY_FILE = Path(__file__).with_name("anatomy.toml")
_CLASSES = {"quasi": FieldClass.FIELD_CLASS_QUASI_IDENTIFIER, "sensitive": FieldClass.FIELD_CLASS_SENSITIVE}
_WORD = re.compile(r"[^\s-]+")
# "UBERON:0000995", "ENVO:03501134-03501206".
_IDS = re.compile(r"([A-Z0-9]+):[A-Z]?(\d+)(?:-(\d+))?")


@dataclass(frozen=True, slots=True, eq=False)
class Topic:
    """One kind of facts about a donor, such as health or age."""

    name: str
    field_class: FieldClass.ValueType
    about: str
    """Completes "says something about …"."""
    permitted: frozenset[str]
    """Names of the fields in which the topic reveals no more than the field itself."""


@dataclass(frozen=True, slots=True)
class Topics:
    """The content of topics.toml, ready for look-up."""

    by_name: Mapping[str, Topic]
    words: Mapping[str, tuple[Topic, ...]]
    """The topics that each revealing word reveals."""
    beside_numbers: Mapping[str, Topic]
    """The topic that each word reveals together with a number."""
    numbers: frozenset[str]
    """Numbers in words."""
    phrases: re.Pattern[str]
    """Phrases in which a revealing word has a harmless meaning. Their words are separated by single spaces."""
    endings: tuple[str, ...]
    """Harmless endings of words that the vocabulary does not list."""
    ids: Mapping[tuple[str, int], Topic | None]
    """The topic of single ontology ids, or None for those that reveal nothing. An id is a prefix in capitals and a
    number; letters before the number are left out: ("NCIT", 16576)."""
    ontologies: Mapping[str, Topic | None]
    """The topic of all other ids of an ontology, by its prefix in capitals."""
    groups: Mapping[str, frozenset[str]]
    """Names of fields by the group that topics.toml puts them in, such as "sites"."""

    @property
    def default(self) -> Topic:
        """The topic of words and ids that no list names: the most revealing one."""
        return self.by_name["health"]


def load_topics(sections: Mapping[str, str], path: Path = TOPICS_FILE) -> Topics:
    """Read topics.toml. `sections` are the words of the vocabulary. Raises KeyError or ValueError."""
    content = tomllib.loads(path.read_text(encoding="utf-8"))
    listed: dict[str, dict[str, Any]] = content["topics"]
    topics = {name: _topic(name, entry, content["fields"]) for name, entry in listed.items()}
    harmless = content["harmless"]
    words: dict[str, tuple[Topic, ...]] = {}
    for name, entry in listed.items():
        for word in entry.get("words", "").lower().replace("-", "").split():
            words[word] = (*words.get(word, ()), topics[name])
    safe = {word for section in harmless["sections"] for word in _split(sections[section])}
    safe.update(_split(harmless["words"]))
    of_section = {section: topics[name] for name, entry in listed.items() for section in entry.get("sections", ())}
    for section in sections.keys() - set(harmless["sections"]):
        # A section that no topic names reveals health, so that a new section is never public by mistake.
        for word in _split(sections[section]):
            if word not in safe and len(word) > 1:
                words.setdefault(word, (of_section.get(section, topics["health"]),))
    ids: dict[tuple[str, int], Topic | None] = dict.fromkeys(_expand(content["ontologies"]["ids"]))
    ontologies: dict[str, Topic | None] = dict.fromkeys(content["ontologies"]["harmless"])
    for name, entry in listed.items():
        ids |= dict.fromkeys(_expand(entry.get("ids", ())), topics[name])
        ontologies |= dict.fromkeys(entry.get("ontologies", ()), topics[name])
    for name, entry in tomllib.loads(_ANATOMY_FILE.read_text(encoding="utf-8")).items():
        ids |= dict.fromkeys(_expand(entry["ids"]), topics.get(name))
    return Topics(
        by_name=topics,
        words=words,
        beside_numbers={
            word: topics[name] for name, entry in listed.items() for word in _split(entry.get("beside_numbers", ""))
        },
        numbers=frozenset(word for entry in listed.values() for word in _split(entry.get("numbers", ""))),
        phrases=re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, harmless['phrases']))})(?!\w)"),
        endings=tuple(content["endings"]["harmless"].split()),
        ids=ids,
        ontologies=ontologies,
        groups={group: frozenset(fields) for group, fields in content["fields"].items()},
    )


def _topic(name: str, entry: Mapping[str, Any], groups: Mapping[str, list[str]]) -> Topic:
    permitted = (field for group in entry.get("permitted", ()) for field in groups[group])
    return Topic(name, _CLASSES[entry["class"]], entry["about"], frozenset(permitted))


def _split(text: str) -> list[str]:
    return _WORD.findall(text.lower())


def _expand(ids: Iterable[str]) -> list[tuple[str, int]]:
    """Return the ids of a list that may contain ranges."""
    found: list[tuple[str, int]] = []
    for entry in ids:
        match = _IDS.fullmatch(entry)
        if match is None:
            raise ValueError(f"{entry!r} is not an ontology id or a range of ids")
        prefix, first, last = match.groups()
        found += [(prefix, number) for number in range(int(first), int(last or first) + 1)]
    return found
