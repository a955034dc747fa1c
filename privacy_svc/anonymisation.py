"""Anonymisation: a raw sample becomes one that does not tell who gave it."""

from collections.abc import Callable
from dataclasses import dataclass

from chassis.violations import violations_of
from fairdb.privacy.v1.field_class_pb2 import FieldClass
from fairdb.samples.v1.sample_pb2 import RawSample, Sample
from privacy_svc.characters import clean
from privacy_svc.fields import Policy
from privacy_svc.generalisation import Implausible, year_of
from privacy_svc.organism import ADVICE, is_organism
from privacy_svc.record import SAMPLE, Kept, Record, sort_record, subject_of
from privacy_svc.rules import Surroundings, apply_rule, plain
from privacy_svc.validation import InvalidSample

__all__ = ["Anonymised", "anonymise", "subject_of"]

# A taxonomy id as long as this may be a number of somebody; a longer one than the last is none at all.
_LONG_TAXON_ID = 100_000
_LAST_TAXON_ID = 9_999_999


@dataclass(frozen=True, slots=True)
class Anonymised:
    """What is left of a sample, and what was done to it, by the names of the API: "subject", "metadata.age"."""

    sample: Sample
    # Of the fields that are left and not always public.
    classes: dict[str, FieldClass.ValueType]
    # As the sender wrote them.
    dropped_fields: list[str]
    # Of the fields that are left.
    actions: dict[str, str]


def anonymise(raw: RawSample, policy: Policy, pseudonym: Callable[[str], str]) -> Anonymised:
    """Apply the policy to a raw sample. Raises InvalidSample with everything that is wrong with it."""
    record = sort_record(raw, policy)
    subject = _one_subject(record)
    sample = Sample(study=raw.study, taxon_id=_taxon_id(raw, record))
    sample.organism = _organism(raw, policy, record)
    collection_date = _collection_date(raw, policy, record)
    values = _drop_identifying(_generalise(policy, record), record)
    refused = {violation.field for violation in record.violations}
    for violation in violations_of(raw, SAMPLE, lambda key: record.shown(key, policy)):
        if violation.field not in refused:
            record.violations.append(violation)
    if record.violations:
        raise InvalidSample(record.violations)
    if subject:
        sample.subject = pseudonym(subject)
    if collection_date and record.identifiers.stand_in(collection_date):
        record.dropped.append("collectionDate")
    else:
        sample.collection_date = collection_date
    return _result(sample, values, sorted(record.dropped))


def _one_subject(record: Record) -> str | None:
    if len(set(record.subjects)) > 1:
        record.refuse("subject", "differs from the donor that the metadata names; send one donor")
    return record.subjects[0] if record.subjects else None


def _taxon_id(raw: RawSample, record: Record) -> int:
    if raw.taxon_id > _LAST_TAXON_ID:
        record.refuse("taxonId", "is no NCBI Taxonomy id: those have up to 7 digits")
    elif raw.taxon_id >= _LONG_TAXON_ID and record.identifiers.stand_in(str(raw.taxon_id)):
        record.refuse("taxonId", "holds an identifier of the same sample; give the organism's NCBI Taxonomy id")
    return raw.taxon_id


def _organism(raw: RawSample, policy: Policy, record: Record) -> str:
    organism = clean(raw.organism)
    if not organism:
        record.refuse("organism", "is required: a scientific or community name")
    elif not is_organism(organism, policy.vocabulary):
        record.refuse("organism", ADVICE)
    elif record.identifiers.stand_in_organism(organism):
        record.refuse("organism", "holds an identifier of the same sample; name the organism only")
    return organism


def _collection_date(raw: RawSample, policy: Policy, record: Record) -> str:
    written = clean(raw.collection_date)
    if not written or policy.vocabulary.missing_term(written) is not None:
        return ""
    try:
        return year_of(written)
    except Implausible as problem:
        record.refuse("collectionDate", str(problem))
        return ""


def _generalise(policy: Policy, record: Record) -> list[Kept]:
    surroundings = Surroundings(policy.vocabulary, record.identifiers, record.units)
    values: list[Kept] = []
    for key, found, scalar in record.kept:
        if scalar in policy.vocabulary.missing_terms:
            values.append((key, found, scalar))
            continue
        try:
            kept = apply_rule(found, scalar, surroundings)
        except Implausible as problem:
            record.refuse(f"metadata.{found.name}", str(problem))
            continue
        if kept is None:
            record.dropped.append(key)
        else:
            values.append((key, found, kept))
    return values


def _drop_identifying(values: list[Kept], record: Record) -> list[Kept]:
    identifiers = record.identifiers
    if identifiers.are_absent([plain(value) for _, _, value in values]):
        return values
    left: list[Kept] = []
    for key, found, value in values:
        if identifiers.stand_in(plain(value)):
            record.dropped.append(key)
        else:
            left.append((key, found, value))
    return left


def _result(sample: Sample, values: list[Kept], dropped: list[str]) -> Anonymised:
    quasi = FieldClass.FIELD_CLASS_QUASI_IDENTIFIER
    classes: dict[str, FieldClass.ValueType] = {}
    actions = {"organism": "kept"}
    if sample.taxon_id:
        actions["taxonId"] = "kept"
    if sample.subject:
        classes["subject"], actions["subject"] = quasi, "pseudonym within the study"
    if sample.collection_date:
        classes["collectionDate"], actions["collectionDate"] = quasi, "year"
    for _, found, value in values:
        stored = sample.metadata[found.name]
        if isinstance(value, bool):
            stored.bool_value = value
        elif isinstance(value, str):
            stored.string_value = value
        else:
            stored.number_value = value
        name = f"metadata.{found.name}"
        actions[name] = found.says
        if found.field_class != FieldClass.FIELD_CLASS_PUBLIC:
            classes[name] = found.field_class
    return Anonymised(sample, classes, dropped, actions)
