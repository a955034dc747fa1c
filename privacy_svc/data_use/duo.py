"""DUO: the terms of the GA4GH Data Use Ontology, read from duo.toml."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from fairdb.samples.v1.data_use_pb2 import DataUseTerm

_FILE = Path(__file__).with_name("duo.toml")

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


def is_permission(term: DataUseTerm) -> bool:
    """Return whether a term is a permission: it states what data may be used for."""
    known = load_terms().get(term.id)
    return known is not None and known.kind == "permission"
