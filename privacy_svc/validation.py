"""Validation: everything that is wrong with a raw sample, told at once and without quoting a value."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

import protovalidate

from fairdb.samples.v1.sample_pb2 import RawSample

SAMPLE = "sample"


class Violation(NamedTuple):
    """One field of a sample that breaks a rule, and how to mend it. Never quotes the value."""

    field: str
    description: str


class InvalidSample(Exception):
    """The sample breaks rules; `violations` says which."""

    def __init__(self, violations: Iterable[Violation]) -> None:
        self.violations = tuple(sorted(set(violations)))
        super().__init__(f"the sample breaks {len(self.violations)} rules")


def contract_violations(raw: RawSample, name_of: Callable[[str], str]) -> list[Violation]:
    """Return what breaks the rules of the proto. `name_of` gives the path under which a metadata key may be shown."""
    violations: list[Violation] = []
    for found in protovalidate.collect_violations(raw):
        path = SAMPLE
        for element in found.proto.field.elements:
            if element.HasField("string_key"):
                path = name_of(element.string_key)
            else:
                path = f"{path}.{lower_camel(element.field_name)}"
        violations.append(Violation(path, found.proto.message or "is not valid"))
    return violations


def lower_camel(name: str) -> str:
    """Return a proto field's name as the API writes it."""
    first, *others = name.split("_")
    return first + "".join(other.capitalize() for other in others)
