"""Record: the fields of a raw sample, sorted by what the policy wants done with them."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum, auto
from operator import attrgetter
from typing import cast

from fairdatabase.policy.recognizers.own_identifiers import Identifiers
from fairdatabase.policy.tables.fields import Field, Listed, Policy
from fairdatabase.policy.tables.vocabulary import Vocabulary
from fairdatabase.policy.text.characters import clean, normalise_subject
from fairdatabase.policy.text.scalars import Scalar, are_clean, plain, read, read_text
from fairdatabase.violations import Violation
from fairdb.samples.v1.sample_pb2 import RawSample

# A field's name as the sender wrote it, the policy's field, and its value.
Kept = tuple[str, Field, Scalar]
# A field's name, the policy's field if there is one, and its text.
_Given = tuple[str, Field | None, str]
SAMPLE = "sample"
_KEY_WORD = re.compile(r"[^\W\d_]+")
_KEY_SHAPE = re.compile(r"[A-Za-z0-9 _.()-]{1,64}")
_MOST_DIGITS_OF_KEY = 4
_DROPPED = frozenset(("drop", "unit"))
_TEXT = attrgetter("string_value")
_TWICE = "is given twice, under two names; send one of them"


class Cause(Enum):
    """Why a field is dropped."""

    UNKNOWN = auto()
    """The policy does not know it."""
    RULE = auto()
    """The policy keeps nothing of it."""
    VALUE = auto()
    """Its value is not of the form, or holds a word, that its rule permits."""
    IDENTIFIER = auto()
    """What would be left holds an identifier that the same record declares."""


@dataclass(slots=True)
class Record:
    """A raw sample taken apart; values are clean and blank ones left out. Fields go by the names of their sender."""

    identifiers: Identifiers
    # What is good as it is, since it consists of listed words; what a rule has to judge; and what is stored of that.
    listed: list[tuple[str, Field, Listed]] = field(default_factory=list)
    kept: list[Kept] = field(default_factory=list)
    values: list[Kept] = field(default_factory=list)
    dropped: dict[str, Cause] = field(default_factory=dict)
    subjects: list[str] = field(default_factory=list)
    # The fields of the metadata that name the donor.
    named_subject: set[str] = field(default_factory=set)
    units: dict[str, str] = field(default_factory=dict)
    # Fields whose name or value may break a rule of the proto; all others cannot.
    questionable: list[str] = field(default_factory=list)
    # Of fields of the metadata, and of all others.
    refused: dict[str, list[str]] = field(default_factory=dict)
    violations: list[Violation] = field(default_factory=list)

    def refuse(self, name: str, description: str) -> None:
        """Note a violation of a field beside the metadata, by its name below the sample."""
        self.violations.append(Violation(f"{SAMPLE}.{name}", description))

    def refuse_field(self, key: str, description: str) -> None:
        """Note a violation of a field of the metadata."""
        self.refused.setdefault(key, []).append(description)

    def all_violations(self, policy: Policy) -> list[Violation]:
        """Return every violation; of the names that senders chose only those that cannot be somebody's."""
        if not self.refused:
            return self.violations
        return self.violations + [
            Violation(self.shown(key, policy), description)
            for key, descriptions in self.refused.items()
            for description in descriptions
        ]

    def shown(self, key: str, policy: Policy) -> str:
        """Return the path of a metadata field for a violation; the key of an unknown one only if it is plain words."""
        if found := policy.resolve(key):
            return f"{SAMPLE}.metadata.{found.name}"
        words_known = all(policy.vocabulary.knows(word) for word in _KEY_WORD.findall(key))
        few_digits = sum(c.isdigit() for c in key) <= _MOST_DIGITS_OF_KEY
        if _KEY_SHAPE.fullmatch(key) and words_known and few_digits and not self.identifiers.stand_in(key):
            return f"{SAMPLE}.metadata.{key}"
        return f"{SAMPLE}.metadata"


def sort_record(raw: RawSample, policy: Policy) -> Record:
    """Sort the fields, take up the identifiers, and note what no rule can read."""
    remembered, vocabulary = policy.remembered, policy.vocabulary
    record = Record(Identifiers(vocabulary))
    if subject := _subject(raw.subject, vocabulary):
        _add_subject(record, subject)
    record.identifiers.add("date", clean(raw.collection_date))
    metadata = raw.metadata
    keys = list(metadata)
    texts = list(map(_TEXT, map(metadata.__getitem__, keys)))
    fields = list(map(remembered.get, keys))
    all_clean = are_clean(texts)
    left: Iterable[_Given] = zip(keys, fields, texts, strict=True)
    if all_clean and None not in fields and len(set(fields)) == len(fields):
        # So most records are, and most of their fields need none of the looks below.
        left = _take_simple(record, zip(keys, cast(list[Field], fields), texts, strict=True), vocabulary)
    seen: set[str] = set()
    for key, known, written in left:
        found = known or policy.resolve(key)
        if key not in remembered:
            # Also where its value is known: a name breaks a rule each time.
            record.questionable.append(key)
        if found is not None and written in found.listed:
            if _is_first(record, key, found, seen):
                record.listed.append((key, found, found.listed[written]))
            continue
        if not all_clean and "\0" in written:
            record.questionable.append(key)
        try:
            scalar = read(metadata[key]) if not written else written if all_clean else read_text(written)
        except ValueError as problem:
            record.questionable.append(key)
            record.refuse_field(key, str(problem))
            continue
        if found is None or found.action in _DROPPED:
            _drop(record, key, found, scalar)
        elif found.action == "subject":
            if scalar is not None and (subject := _subject(plain(scalar), vocabulary)):
                _add_subject(record, subject)
                record.named_subject.add(key)
        elif _is_first(record, key, found, seen) and scalar is not None:
            term = vocabulary.missing.term(scalar) if isinstance(scalar, str) else None
            if term:
                record.values.append((key, found, term))
            elif term is None:
                if found.action == "year":
                    # Its day and month are an identifier to all other values.
                    record.identifiers.add("date", plain(scalar))
                record.kept.append((key, found, scalar))
    if record.identifiers.too_many:
        record.refuse("metadata", "holds too many direct identifiers; leave them out")
    return record


def _take_simple(record: Record, fields: Iterable[tuple[str, Field, str]], vocabulary: Vocabulary) -> list[_Given]:
    """Take up what is listed, what is kept by its form and what only its rule has to look at; return the others."""
    begin, end = vocabulary.missing.first, vocabulary.missing.last
    listed_ones, values, kept = record.listed, record.values, record.kept
    left: list[_Given] = []
    for key, found, written in fields:
        listed = found.listed.get(written)
        if listed is not None:
            listed_ones.append((key, found, listed))
        elif found.kept is not None and found.kept.fullmatch(written):
            values.append((key, found, written))
        elif written and found.is_judged and (written[0] not in begin or written[-1] not in end):
            kept.append((key, found, written))
        else:
            left.append((key, found, written))
    return left


def _is_first(record: Record, key: str, found: Field, seen: set[str]) -> bool:
    """Tell whether a field was not given yet, and refuse it if it was."""
    if found.name in seen:
        record.refuse_field(key, _TWICE)
        return False
    seen.add(found.name)
    return True


def subject_of(raw: RawSample, policy: Policy) -> str | None:
    """Return the donor that the sample names: its subject, else the subject field of its metadata, else None."""
    if given := _subject(raw.subject, policy.vocabulary):
        return given
    for key, value in raw.metadata.items():
        found = policy.resolve(key)
        if found is None or found.action != "subject":
            continue
        try:
            scalar = read(value)
        except ValueError:
            continue
        if scalar is not None and (subject := _subject(plain(scalar), policy.vocabulary)):
            return subject
    return None


def _drop(record: Record, key: str, found: Field | None, scalar: Scalar | None) -> None:
    record.dropped[key] = Cause.RULE if found else Cause.UNKNOWN
    if scalar is None:
        return
    if found is None:
        if isinstance(scalar, str):
            record.identifiers.add_if_name(scalar)
    elif found.action == "unit":
        record.units[found.name] = plain(scalar)
    elif found.identifies:
        record.identifiers.add(found.identifies, plain(scalar))


def _add_subject(record: Record, subject: str) -> None:
    record.subjects.append(subject)
    record.identifiers.add("code", subject)


def _subject(text: str, vocabulary: Vocabulary) -> str | None:
    subject = normalise_subject(text)
    return subject if subject and vocabulary.missing.term(subject) is None else None
