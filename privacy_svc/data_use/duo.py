"""DUO: the terms of the GA4GH Data Use Ontology, read from duo.toml."""

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from fairdb.samples.v1.data_use_pb2 import DataUseTerm

_FILE = Path(__file__).with_name("duo.toml")
_ID = re.compile(r"(?:https?://purl\.obolibrary\.org/obo/)?DUO[:_](\d{7})", re.ASCII | re.IGNORECASE)

PERMISSION_UNKNOWN = "DUO:0000001"
"""The id of the group of all permissions. It is used when no permission was stated."""
CLINICAL_CARE = "DUO:0000043"


@dataclass(frozen=True, slots=True)
class Term:
    """A term of the ontology. duo.toml explains the fields."""

    id: str
    label: str
    kind: Literal["permission", "modifier", "group"]
    meaning: str
    shorthand: str = ""
    needs: str = ""
    takes: str = ""
    excludes: Sequence[str] = ()


@lru_cache(maxsize=1)
def load_terms() -> Mapping[str, Term]:
    """Return every term by its id."""
    content = tomllib.loads(_FILE.read_text(encoding="utf-8"))
    return MappingProxyType({term["id"]: Term(**term) for term in content["term"]})


def canonical_id(written: str) -> str:
    """Return a term's id from its other forms: "duo:0000042", "DUO_0000042", or the ontology's URL of the term."""
    match = _ID.fullmatch(written)
    return f"DUO:{match[1]}" if match else written


def has_id_form(written: str) -> bool:
    """Return whether a text has the form of an id, whether or not this version of the ontology has the term."""
    return _ID.fullmatch(written) is not None


def find_by_shorthand(written: str) -> Term | None:
    """Return the term with a shorthand: "GRU"."""
    shorthand = written.strip().upper()
    return next((term for term in load_terms().values() if term.shorthand and term.shorthand == shorthand), None)


def is_permission(term: DataUseTerm) -> bool:
    """Return whether a term is a permission: it states what data may be used for."""
    known = load_terms().get(term.id)
    return known is not None and known.kind == "permission"
