"""Refusals: reports what is wrong with a sample, in violations that name fields but reveal nothing about the donor."""

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from fairdatabase.policy.recognizers.own_identifiers import Identifiers
from fairdatabase.policy.records.contract import SAMPLE
from fairdatabase.policy.tables.fields import Policy
from fairdatabase.violations import Violation

_METADATA = f"{SAMPLE}.metadata"
_NAME_WORD = re.compile(r"[^\W\d_]+")
_NAME_SHAPE = re.compile(r"[A-Za-z0-9 _.()-]{1,64}")
_KNOWN_SHAPE = re.compile(r"[A-Za-z _-]{1,64}")
_MOST_DIGITS_OF_NAME = 4


class Refusal(NamedTuple):
    """Everything that is wrong with a sample."""

    metadata: Mapping[str, list[str]]
    """What is wrong with each field of the metadata, by the name that its sender wrote."""
    violations: list[Violation]


def collect_refusals(
    named: Mapping[str, str],
    metadata: Mapping[str, str],
    broken: Sequence[Violation],
    identifiers: Identifiers,
    policy: Policy,
) -> Refusal:
    """Return the faults of the named fields and the metadata, plus broken rules of fields without another fault."""
    if not (named or metadata or broken):
        return Refusal({}, [])
    violations = [Violation(f"{SAMPLE}.{field}", description) for field, description in named.items()]
    faults = {name: [description] for name, description in metadata.items()}
    violations += [Violation(_path(name, identifiers, policy), fault) for name, (fault,) in faults.items()]
    refused = {violation.field for violation in violations}
    for violation in broken:
        name = violation.field.removeprefix(f"{_METADATA}.")
        if name == violation.field:
            path = violation.field
        else:
            path = _path(name, identifiers, policy)
            if path not in refused:
                faults.setdefault(name, []).append(violation.description)
        if path not in refused:
            violations.append(Violation(path, violation.description))
    return Refusal(faults, violations)


def title_to_show(name: str, policy: Policy) -> str:
    """Return the name of a known field as its sender wrote it, or the policy's name if it is more than words."""
    field = policy.resolve(name)
    return name if field is None or _KNOWN_SHAPE.fullmatch(name) else field.name


def _path(name: str, identifiers: Identifiers, policy: Policy) -> str:
    """Return the path of a metadata field. The path omits an unknown name unless it consists of plain known words."""
    if field := policy.resolve(name):
        return f"{_METADATA}.{field.name}"
    words_known = all(policy.vocabulary.knows(word) for word in _NAME_WORD.findall(name))
    few_digits = sum(c.isdigit() for c in name) <= _MOST_DIGITS_OF_NAME
    if _NAME_SHAPE.fullmatch(name) and words_known and few_digits and not identifiers.occur_in(name):
        return f"{_METADATA}.{name}"
    return _METADATA
