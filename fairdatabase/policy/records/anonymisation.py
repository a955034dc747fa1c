"""Anonymisation: a raw sample becomes one that does not tell who gave it."""

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

from fairdatabase.policy.recognizers.organism import ADVICE, is_organism
from fairdatabase.policy.recognizers.terms import is_well_known
from fairdatabase.policy.records.contract import note_broken_rules
from fairdatabase.policy.records.generalisation import Implausible, year_of
from fairdatabase.policy.records.record import Cause, Kept, Record, sort_record, subject_of
from fairdatabase.policy.records.rules import RULES, Surroundings
from fairdatabase.policy.records.validation import InvalidSample
from fairdatabase.policy.tables.fields import Field, Listed, Policy
from fairdatabase.policy.text.characters import clean, squash
from fairdatabase.policy.text.scalars import Scalar, plain
from fairdatabase.violations import Violation
from fairdb.privacy.v1.field_class_pb2 import FieldClass
from fairdb.samples.v1.sample_pb2 import RawSample, Sample

__all__ = ["Anonymised", "Judgement", "anonymise", "judge", "render", "subject_of"]

# A taxonomy id as long as this may be a number of somebody; a longer one than the last is none at all.
_LONG_TAXON_ID = 100_000
_LAST_TAXON_ID = 9_999_999
_QUASI, _PUBLIC = FieldClass.FIELD_CLASS_QUASI_IDENTIFIER, FieldClass.FIELD_CLASS_PUBLIC
_SENSITIVE, _RESTRICTED = FieldClass.FIELD_CLASS_SENSITIVE, FieldClass.FIELD_CLASS_RESTRICTED


class Anonymised(NamedTuple):
    """What is left of a sample, and what was done to it, by the names of the API: "subject", "metadata.age"."""

    sample: Sample
    # Of the fields that are left and not always public.
    classes: dict[str, FieldClass.ValueType]
    # As the sender wrote them.
    dropped_fields: list[str]
    # Of the fields that are left.
    actions: dict[str, str]


class Judgement(NamedTuple):
    """What the policy makes of each field of a raw sample, whether or not the sample can be stored."""

    record: Record
    study: str
    # None when the sample names no donor.
    subject: str | None
    # These are empty when they are refused.
    organism: str
    taxon_id: int
    # None when it is dropped, since its year is an identifier of the same sample.
    collection_date: str | None
    # Of the metadata, what is stored.
    listed: list[tuple[str, Field, Listed]]
    values: list[Kept]
    violations: list[Violation]


def anonymise(raw: RawSample, policy: Policy, pseudonym: Callable[[str], str]) -> Anonymised:
    """Apply the policy to a raw sample. Raises InvalidSample with everything that is wrong with it."""
    judged = judge(raw, policy)
    if judged.violations:
        raise InvalidSample(judged.violations)
    return render(judged, pseudonym)


def render(judged: Judgement, pseudonym: Callable[[str], str]) -> Anonymised:
    """Return what is left of a sample once it is judged."""
    sample = Sample(
        study=judged.study,
        subject=pseudonym(judged.subject) if judged.subject else "",
        organism=judged.organism,
        taxon_id=judged.taxon_id,
        collection_date=judged.collection_date or "",
    )
    if judged.listed:
        sample.MergeFromString(b"".join([listed.part for _, _, listed in judged.listed]))
    return _result(sample, judged)


def judge(raw: RawSample, policy: Policy) -> Judgement:
    """Decide on every field of a raw sample."""
    record = sort_record(raw, policy)
    subject = _one_subject(record)
    _generalise(policy, record)
    year, problem = _read_year(raw, policy)
    # Almost always none stands anywhere, and one look at everything takes far less than one at each.
    are_absent = record.identifiers.are_absent(_all_that_stays(raw, record, year))
    taxon_id = _taxon_id(raw, record, are_absent=are_absent)
    organism = _organism(raw, policy, record, are_absent=are_absent)
    if problem:
        record.refuse("collectionDate", problem)
    collection_date = None if not are_absent and record.identifiers.stand_in(year) else year
    if not are_absent:
        _drop_identifying(record)
    note_broken_rules(raw, policy, record)
    violations = record.all_violations(policy)
    return Judgement(
        record, raw.study, subject, organism, taxon_id, collection_date, record.listed, record.values, violations
    )


def _all_that_stays(raw: RawSample, record: Record, year: str) -> str:
    """Return one squashed text that holds whatever each text of the sample holds that may be stored."""
    # A number may be written in more figures than `plain` does, and true as "yes" or "no".
    texts = [str(value) for _, _, value in record.values]
    texts += (raw.organism, str(raw.taxon_id), year, "yes no")
    return squash("\n".join(texts)) + "".join([listed.squashed for _, _, listed in record.listed])


def _one_subject(record: Record) -> str | None:
    if len(set(record.subjects)) > 1:
        record.refuse("subject", "differs from the donor that the metadata names; send one donor")
    return record.subjects[0] if record.subjects else None


def _taxon_id(raw: RawSample, record: Record, *, are_absent: bool) -> int:
    taxon_id = raw.taxon_id
    if taxon_id > _LAST_TAXON_ID:
        record.refuse("taxonId", "is no NCBI Taxonomy id: those have up to 7 digits")
    elif taxon_id >= _LONG_TAXON_ID and not are_absent and record.identifiers.stand_in(str(taxon_id)):
        record.refuse("taxonId", "holds an identifier of the same sample; give the organism's NCBI Taxonomy id")
    else:
        return max(taxon_id, 0)
    return 0


def _organism(raw: RawSample, policy: Policy, record: Record, *, are_absent: bool) -> str:
    organism = clean(raw.organism)
    if not organism:
        record.refuse("organism", "is required: a scientific or community name")
    elif not is_organism(organism, policy.vocabulary):
        record.refuse("organism", ADVICE)
    elif not are_absent and record.identifiers.stand_in_organism(organism):
        record.refuse("organism", "holds an identifier of the same sample; name the organism only")
    else:
        return organism
    return ""


def _read_year(raw: RawSample, policy: Policy) -> tuple[str, str]:
    """Return the year of the collection date, empty when there is none, and what is wrong with the date."""
    written = clean(raw.collection_date)
    if not written or policy.vocabulary.missing.term(written) is not None:
        return "", ""
    try:
        return year_of(written), ""
    except Implausible as problem:
        return "", str(problem)


def _generalise(policy: Policy, record: Record) -> None:
    surroundings = Surroundings(policy.vocabulary, record.identifiers, record.units)
    values = record.values
    for key, found, scalar in record.kept:
        try:
            stored = RULES[found.action](found, scalar, surroundings)
        except Implausible as problem:
            record.refuse_field(key, str(problem))
            continue
        if stored is None:
            record.dropped[key] = Cause.VALUE
            continue
        if found.field_class == _SENSITIVE and found.action == "term":
            found = _as_particular(found, stored, policy)
        values.append((key, found, stored))


def _as_particular(found: Field, stored: Scalar, policy: Policy) -> Field:
    """Return the field, restricted where a sensitive term holds what the vocabulary does not know: it may be a name."""
    if not isinstance(stored, str) or is_well_known(stored, policy.vocabulary):
        return found
    return replace(found, field_class=_RESTRICTED)


def _drop_identifying(record: Record) -> None:
    identifiers = record.identifiers
    for good in [good for good in record.listed if identifiers.stand_in(good[2].stored)]:
        record.listed.remove(good)
        record.dropped[good[0]] = Cause.IDENTIFIER
    for kept in [kept for kept in record.values if identifiers.stand_in(plain(kept[2]))]:
        record.values.remove(kept)
        record.dropped[kept[0]] = Cause.IDENTIFIER


def _result(sample: Sample, judged: Judgement) -> Anonymised:
    classes: dict[str, FieldClass.ValueType] = {}
    actions = {"organism": "kept"}
    if sample.taxon_id:
        actions["taxonId"] = "kept"
    if sample.subject:
        classes["subject"], actions["subject"] = _QUASI, "pseudonym within the study"
    if sample.collection_date:
        classes["collectionDate"], actions["collectionDate"] = _QUASI, "year"
    for _, found, _ in judged.listed:
        actions[found.path] = found.says
        if found.field_class != _PUBLIC:
            classes[found.path] = found.field_class
    metadata = sample.metadata
    for _, found, value in judged.values:
        actions[found.path] = found.says
        if found.field_class != _PUBLIC:
            classes[found.path] = found.field_class
        stored = metadata[found.name]
        if isinstance(value, str):
            stored.string_value = value
        elif isinstance(value, bool):
            stored.bool_value = value
        else:
            stored.number_value = value
    dropped = [*judged.record.dropped, *(["collectionDate"] if judged.collection_date is None else ())]
    return Anonymised(sample, classes, sorted(dropped), actions)
