"""Record: the fields of a raw sample, sorted by what the policy wants done with them."""

import math
import re
from dataclasses import dataclass, field

from google.protobuf.struct_pb2 import Value

from chassis.violations import Violation
from fairdb.samples.v1.sample_pb2 import RawSample
from privacy_svc.characters import clean, normalise_subject
from privacy_svc.fields import Field, Policy
from privacy_svc.redaction import Identifiers
from privacy_svc.rules import Scalar, plain
from privacy_svc.vocabulary import Vocabulary

# A field's name as the sender wrote it, the policy's field, and its value.
Kept = tuple[str, Field, Scalar]
SAMPLE = "sample"
_KEY_WORD = re.compile(r"[^\W\d_]+")
_KEY_SHAPE = re.compile(r"[A-Za-z0-9 _.()-]{1,64}")
_MOST_DIGITS_OF_KEY = 4
_LONGEST = 4000


@dataclass(slots=True)
class Record:
    """A raw sample taken apart; values are clean and blank ones left out."""

    identifiers: Identifiers
    kept: list[Kept] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)
    subjects: list[str] = field(default_factory=list)
    units: dict[str, str] = field(default_factory=dict)
    violations: list[Violation] = field(default_factory=list)

    def refuse(self, name: str, description: str) -> None:
        """Note a violation of a field, by its name below the sample."""
        self.violations.append(Violation(f"{SAMPLE}.{name}", description))

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
    record = Record(Identifiers(policy.vocabulary))
    if subject := _subject(raw.subject, policy.vocabulary):
        _add_subject(record, subject)
    record.identifiers.add("date", clean(raw.collection_date))
    seen: set[str] = set()
    unreadable: list[tuple[str, str]] = []
    for key, value in raw.metadata.items():
        try:
            scalar = _read(value)
        except ValueError as problem:
            unreadable.append((key, str(problem)))
            continue
        found = policy.resolve(key)
        if found is None or found.action in ("drop", "unit"):
            _drop(record, key, found, scalar)
        elif found.action == "subject":
            if scalar is not None and (subject := _subject(plain(scalar), policy.vocabulary)):
                _add_subject(record, subject)
        elif found.name in seen:
            record.refuse(f"metadata.{found.name}", "is given twice, under two names; send one of them")
        else:
            seen.add(found.name)
            if scalar is not None and (scalar := _without_blanks(scalar, policy.vocabulary)) is not None:
                record.kept.append((key, found, scalar))
    if record.identifiers.too_many:
        record.refuse("metadata", "holds too many direct identifiers; leave them out")
    record.violations += [Violation(record.shown(key, policy), problem) for key, problem in unreadable]
    return record


def subject_of(raw: RawSample, policy: Policy) -> str | None:
    """Return the donor that the sample names: its subject, else the subject field of its metadata, else None."""
    if given := _subject(raw.subject, policy.vocabulary):
        return given
    for key, value in raw.metadata.items():
        found = policy.resolve(key)
        if found is None or found.action != "subject":
            continue
        try:
            scalar = _read(value)
        except ValueError:
            continue
        if scalar is not None and (subject := _subject(plain(scalar), policy.vocabulary)):
            return subject
    return None


def _drop(record: Record, key: str, found: Field | None, scalar: Scalar | None) -> None:
    record.dropped.append(key)
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


def _read(value: Value) -> Scalar | None:
    """Return a clean scalar, None for null and empty text. Raises ValueError, which says what to mend."""
    kind = value.WhichOneof("kind")
    if kind == "string_value":
        # Asked twice: what is written as one character may be cleaned into many.
        text = clean(value.string_value) if len(value.string_value) <= _LONGEST else None
        if text is None or len(text) > _LONGEST:
            raise ValueError(f"must be at most {_LONGEST} characters long")
        return text or None
    if kind == "number_value":
        if not math.isfinite(value.number_value):
            raise ValueError("must be a finite number")
        return value.number_value
    if kind == "bool_value":
        return value.bool_value
    if kind in ("struct_value", "list_value"):
        raise ValueError("must be text, a number, true, false or null")
    return None


def _subject(text: str, vocabulary: Vocabulary) -> str | None:
    subject = normalise_subject(text)
    return subject if subject and vocabulary.missing_term(subject) is None else None


def _without_blanks(scalar: Scalar, vocabulary: Vocabulary) -> Scalar | None:
    if not isinstance(scalar, str):
        return scalar
    term = vocabulary.missing_term(scalar)
    return scalar if term is None else term or None
