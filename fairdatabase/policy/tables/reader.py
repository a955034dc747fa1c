"""Reader: loads the policy and checks it."""

import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fairdatabase.policy.tables.fields import CLASSES, Field, Policy
from fairdatabase.policy.tables.titles import Reading
from fairdatabase.policy.tables.vocabulary import load_vocabulary, read_values
from fairdatabase.policy.text.characters import squash
from fairdatabase.policy.text.scales import LIMITS, is_unit

# All files contain groups of fields. The first one also has the settings of the whole policy, such as `version`.
_FILES = tuple(map(Path(__file__).with_name, ("policy.toml", "archives.toml", "environment.toml")))

__all__ = ["ACTIONS", "Field", "Policy", "PolicyError", "load_policy"]

_VERSION = re.compile(r"\d{4}-\d{1,2}-\d+")
# The required and the optional options of each action.
_OPTIONS: dict[str, tuple[set[str], set[str]]] = {
    "drop": (set(), set()),
    "subject": ({"says"}, set()),
    "vocabulary": ({"says", "values"}, set()),
    "common": ({"says", "values"}, set()),
    "term": ({"says"}, {"values"}),
    "answer": ({"says"}, set()),
    "pattern": ({"says", "pattern"}, {"certain"}),
    "publication": ({"says", "pattern"}, set()),
    "study": ({"says"}, set()),
    "prefix": ({"says", "digits"}, set()),
    "sequence": ({"says"}, set()),
    "number": ({"says"}, {"digits", "lowest", "highest", "units", "class_of_person"}),
    "measurements": ({"says"}, {"digits", "units"}),
    "occasion": ({"says", "lowest", "highest"}, set()),
    "band": ({"says", "unit", "width", "top", "lowest", "highest"}, {"read_in", "unit_field", "bottom", "values"}),
    "unit": (set(), set()),
    "year": ({"says"}, set()),
    "country": ({"says"}, set()),
    "grid": ({"says", "lowest", "highest"}, set()),
    "coordinates": ({"says"}, set()),
    "organism": ({"says"}, set()),
    "text": ({"says"}, set()),
    "ontology": ({"says"}, set()),
}
ACTIONS = frozenset(_OPTIONS)
IDENTIFIES = frozenset(("code", "label", "name", "date", "phone", "email", "address"))
_GROUP_KEYS = {"class", "action", "why", "fields", "patterns", "translated", "identifies"}


class PolicyError(Exception):
    """The policy file cannot be used."""


def load_policy(*paths: Path) -> Policy:
    """Read and check the policy. Raises PolicyError, which names the group and what to correct."""
    content, *others = (_read_file(path) for path in paths or _FILES)
    groups: list[dict[str, Any]] = [group for part in (content, *others) for group in part.get("group", [])]
    try:
        vocabulary = load_vocabulary()
    except (OSError, ValueError, KeyError) as error:
        raise PolicyError(f"vocabulary.toml: {error}") from error
    version = content.get("version")
    if not isinstance(version, str) or not _VERSION.fullmatch(version):
        raise PolicyError("policy: version must be like 2026-11-1")
    spellings: dict[str, Field] = {}
    translations: dict[str, Reading] = {}
    patterns: list[tuple[re.Pattern[str], Field]] = []
    for number, group in enumerate(groups, start=1):
        where = f"group {number} ({', '.join(list(group.get('fields', {}))[:3])})"
        fields = {name: _read_field(where, name, group) for name in group.get("fields", {})}
        _require(bool(fields), f"{where}: has no fields")
        for name, synonyms in group["fields"].items():
            _require(isinstance(synonyms, list), f"{where}: {name} must list its other names")
            for squashed in {squash(spelling) for spelling in (name, *synonyms)}:
                _require(squashed not in spellings, f"{where}: {squashed} means two fields")
                spellings[squashed] = fields[name]
        for name, translated in group.get("translated", {}).items():
            _require(name in fields, f"{where}: translated values of an unknown field {name}")
            reading = _read_translation(where, translated)
            for squashed in {squash(name) for name in translated["names"]}:
                _require(squashed not in spellings, f"{where}: {squashed} means two fields")
                spellings[squashed], translations[squashed] = fields[name], reading
        for name, pattern in group.get("patterns", {}).items():
            _require(group["class"] == "direct", f"{where}: only direct identifiers may have name patterns")
            found = next((field for field in spellings.values() if field.name == name), None)
            _require(found is not None, f"{where}: pattern of an unknown field {name}")
            patterns.append((_compile(where, pattern), spellings[squash(name)]))
    for known in spellings.values():
        _require(not known.unit_field or squash(known.unit_field) in spellings, f"{known.name}: unknown unit_field")
    question = _read_field("questions", "question", content.get("questions", {}))
    return Policy(
        version=version,
        spellings=spellings,
        translations=translations,
        prefixes=tuple(content.get("prefixes", [])),
        patterns=tuple(patterns),
        question=question,
        vocabulary=vocabulary,
    )


def _read_file(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise PolicyError(f"{path.name}: {error}") from error


def _read_field(where: str, name: str, group: dict[str, Any]) -> Field:
    action, class_ = group.get("action"), group.get("class")
    _require(action in _OPTIONS, f"{where}: action must be one of {', '.join(sorted(_OPTIONS))}")
    _require(class_ in CLASSES, f"{where}: class must be one of {', '.join(CLASSES)}")
    _require(bool(str(group.get("why", "")).strip()), f"{where}: needs a why")
    _require((class_ == "direct") <= (action in ("drop", "subject")), f"{where}: direct identifiers are never kept")
    identifies = group.get("identifies", "code" if class_ == "direct" else "")
    _require(identifies in IDENTIFIES or not identifies, f"{where}: identifies must be one of {sorted(IDENTIFIES)}")
    options = {key: value for key, value in group.items() if key not in _GROUP_KEYS}
    if "certain" in options:
        options["certain"] = _compile(where, options["certain"])
    needed, possible = _OPTIONS[str(action)]
    _require(needed <= set(options), f"{where}: {action} needs {', '.join(sorted(needed - set(options)))}")
    unknown = set(options) - needed - possible
    _require(not unknown, f"{where}: {action} has no option {', '.join(sorted(unknown))}")
    readers: dict[str, Callable[[Any], Any]] = {
        "values": read_values,
        "pattern": lambda text: _compile(where, text),
        "class_of_person": CLASSES.__getitem__,
        "units": lambda table: _read_units(where, name, table, group.get("fields", {})),
    }
    if "class_of_person" in options:
        _require(options["class_of_person"] in CLASSES, f"{where}: class_of_person must be a class")
    try:
        read = {key: readers[key](value) if key in readers else value for key, value in options.items()}
    except ValueError as error:
        raise PolicyError(f"{where}: {error}") from error
    _require(read.get("width", 1) > 0, f"{where}: width must be positive")
    if len(units := read.get("units", ())) == 1 and units[0] in LIMITS:
        read["lowest"], read["highest"] = LIMITS[units[0]]
    return Field(
        name=name,
        field_class=CLASSES[str(class_)],
        action=str(action),
        why=" ".join(group["why"].split()),
        identifies=identifies,
        **read,
    )


def _read_translation(where: str, translated: dict[str, Any]) -> Reading:
    _require(set(translated) == {"names", "values"}, f"{where}: a translation has names and values")
    codes = {squash(text): stored for stored, written in translated["values"].items() for text in written}
    _require(len(codes) == sum(map(len, translated["values"].values())), f"{where}: an answer means two values")
    return Reading(codes=codes, must_translate=True)


def _read_units(where: str, name: str, table: dict[str, str], fields: dict[str, Any]) -> tuple[str, ...]:
    """Return the units of one field, from a table of the units of all fields of its group: "mL|g"."""
    unknown = set(table) - set(fields)
    _require(not unknown, f"{where}: units of unknown fields: {', '.join(sorted(unknown))}")
    units = tuple(table.get(name, "").split("|")) if table.get(name) else ()
    for unit in units:
        _require(is_unit(unit), f"{where}: {unit} is not a unit that text/scales.py knows")
    return units


def _compile(where: str, pattern: str) -> re.Pattern[str]:
    try:
        return re.compile(pattern)
    except re.error as error:
        raise PolicyError(f"{where}: {pattern}: {error}") from error


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise PolicyError(f"policy: {message}")
