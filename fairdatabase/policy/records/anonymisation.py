"""Anonymisation: turns a raw sample into one that does not reveal its donor."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple

from fairdatabase.policy.recognizers.own_identifiers import Identifiers
from fairdatabase.policy.recognizers.topics import is_of_strain
from fairdatabase.policy.records.classes import says_raised
from fairdatabase.policy.records.contract import broken_rules
from fairdatabase.policy.records.drops import IDENTIFYING, Cause, Dropped
from fairdatabase.policy.records.generalisation import Implausible
from fairdatabase.policy.records.memo import Listed, Memo
from fairdatabase.policy.records.named_fields import NamedFields, judge_named, read_year
from fairdatabase.policy.records.organisms import own_organism, settle_organism, titled_values, with_organism
from fairdatabase.policy.records.origins import Origin, origin_of
from fairdatabase.policy.records.postcodes import expects_five_figures
from fairdatabase.policy.records.refusals import Refusal, collect_refusals, title_to_show
from fairdatabase.policy.records.repeats import merge_repeats
from fairdatabase.policy.records.rules import HAVE_ANSWERS, RuleContext, country_of
from fairdatabase.policy.records.sorting import Sorted, Stored, gather_identifiers, sort_values
from fairdatabase.policy.records.subjects import donor_of, settle_subject
from fairdatabase.policy.records.values import read_values
from fairdatabase.policy.tables.fields import Field, Policy
from fairdatabase.policy.tables.topics import Topic
from fairdatabase.policy.tables.vocabulary import Vocabulary
from fairdatabase.policy.text.characters import squash
from fairdatabase.policy.text.scalars import Scalar, plain
from fairdatabase.violations import Violation
from fairdb.privacy.v1.field_class_pb2 import FieldClass
from fairdb.samples.v1.sample_pb2 import RawSample, Sample

_QUASI, _PUBLIC = FieldClass.FIELD_CLASS_QUASI_IDENTIFIER, FieldClass.FIELD_CLASS_PUBLIC
_TOO_MANY = "contains too many direct identifiers; leave them out"


class InvalidSample(Exception):
    """The sample breaks rules; `violations` says which."""

    def __init__(self, violations: Iterable[Violation]) -> None:
        self.violations = tuple(sorted(set(violations)))
        super().__init__(f"the sample breaks {len(self.violations)} rules")


class Anonymised(NamedTuple):
    """The stored sample, and what was done to its fields. Fields have the API's names: "subject", "metadata.age"."""

    sample: Sample
    classes: dict[str, FieldClass.ValueType]
    """Classes of the stored fields, except public ones."""
    drop_reasons: dict[str, str]
    """Why each dropped field is not stored, by the name that the sender wrote."""
    actions: dict[str, str]
    """What was done to each stored field."""
    subject: str | None
    """The donor whose consent the sample needs; None if the sample names no donor."""

    @property
    def dropped_fields(self) -> list[str]:
        """Names of the dropped fields."""
        return sorted(self.drop_reasons)


class Judgement(NamedTuple):
    """The policy's decision on each field of a raw sample, whether or not the sample can be stored."""

    study: str
    subject: str | None
    """None if the sample names no donor."""
    named: NamedFields
    listed: list[tuple[str, Listed]]
    """Stored values that consist of listed words."""
    values: list[Stored]
    """All other stored values."""
    dropped: Mapping[str, Dropped]
    """Dropped metadata fields, by the name that the sender wrote."""
    merged: frozenset[str]
    """Metadata fields that say the same as another name of their field, which is stored."""
    donors: Mapping[str, str]
    """The donor that each metadata field names, by the name of the field."""
    refusal: Refusal
    topic: Topic | None
    """What the organism reveals about the person whom the sample comes from."""

    @property
    def violations(self) -> list[Violation]:
        """Everything that is wrong with the sample; empty if it can be stored."""
        return self.refusal.violations


class Anonymiser:
    """Applies one policy to raw samples. For speed, it caches texts that consist of listed words."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self._memo = Memo(policy)

    def anonymise(self, raw: RawSample, pseudonym: Callable[[str], str]) -> Anonymised:
        """Apply the policy to a raw sample. Raises InvalidSample with everything that is wrong with it."""
        judged = self.judge(raw)
        if violations := judged.violations:
            raise InvalidSample(violations)
        return render(judged, pseudonym)

    def own_organism(self, raw: RawSample) -> str:
        """Return the organism that a raw sample names by itself, under any title; "" if it needs a default."""
        return own_organism(raw, self._memo)

    def origin(self, judged: Judgement, organism: str) -> Origin:
        """Return the origin of a judged sample, if a text names its organism."""
        has_subject, stored = judged.subject is not None, _stored(judged.listed, judged.values)
        taxon_id = judged.named.taxon_id
        return origin_of(organism, taxon_id, has_subject, stored, self._memo.evidence, self.policy.vocabulary)

    def judge(self, raw: RawSample) -> Judgement:
        """Decide on every field of a raw sample."""
        memo, policy, vocabulary = self._memo, self.policy, self.policy.vocabulary
        # Resolve names to fields, and clean the values.
        given, unreadable, questionable, may_repeat, fields = read_values(raw, memo)
        # Sort the values by the action of their field. Some identify the donor; some are units of other values.
        found = sort_values(given, memo)
        named_donor = donor_of(raw.subject, vocabulary)
        settled = settle_subject(named_donor, found.donors, vocabulary)
        identifiers = gather_identifiers(raw, named_donor, found, vocabulary)
        # Apply the rules: each value is generalised or dropped.
        place = ("", False) if memo.postcodes.isdisjoint(fields) else _place_of_postcode(found, vocabulary)
        context = RuleContext(vocabulary, identifiers, found.units, *place)
        values, dropped = _apply_rules(found.judged, context, memo)
        values += found.missing
        dropped |= found.dropped
        # The organism may stand under a title of the metadata.
        sent, titled = raw, [] if memo.organisms.isdisjoint(fields) else titled_values(found.listed, values)
        if titled or raw.taxon_id or ":" in raw.organism:
            raw = with_organism(raw, titled, memo)
        # Drop stored values that contain an identifier of the same record.
        year = read_year(raw, vocabulary)
        suspects = identifiers.among(_all_stored_text(raw, found.listed, values, year.text))
        named = judge_named(raw, year, suspects, memo)
        listed, values, identifying = _without_identifiers(found.listed, values, suspects)
        dropped |= identifying
        merged: frozenset[str] = frozenset()
        if titled:
            titled = titled_values(listed, values)
            named, listed, values, merged, repeated = settle_organism(named, sent, titled, listed, values, memo)
            dropped |= repeated
        if may_repeat:
            listed, values, equal, repeated = merge_repeats(listed, values, vocabulary.missing)
            dropped |= repeated
            merged |= equal
        # Check the validation rules of the proto.
        broken = broken_rules(raw, questionable, memo)
        refused = dict(named.refused)
        if settled.contradiction is not None:
            one, other = (title_to_show(name or "subject", policy) for name in settled.contradiction)
            refused["subject"] = f"{one} and {other} name different donors; send one donor"
        elif settled.lost:
            for name, loser in settled.lost.items():
                (named.dropped if name is None else dropped)["subject" if name is None else name] = loser
        if identifiers.too_many:
            refused["metadata"] = _TOO_MANY
        unreadable_donors: dict[str, str] = {}
        for name, problem in unreadable.items():
            field = memo.match(name).field
            if field is not None and field.action == "subject":
                unreadable_donors[name] = problem
            elif field is not None and field.is_stored:
                dropped[name] = Dropped(Cause.VALUE, problem)
        refusal = collect_refusals(refused, unreadable_donors, broken, identifiers, policy)
        subject = settled.subject
        topic = memo.topic_of_organism(named.organism, named.taxon_id)
        if topic is not None or _varies(listed, values):
            stored = _stored(listed, values)
            origin = origin_of(named.organism, named.taxon_id, bool(subject), stored, memo.evidence, vocabulary)
            least = Origin.UNCLEAR if topic is not None and is_of_strain(topic) else Origin.PERSON
            topic = topic if origin >= least else None
            if origin is not Origin.ELSEWHERE:
                listed, values = _classified_for(origin, listed, values, memo)
        return Judgement(raw.study, subject, named, listed, values, dropped, merged, found.donors, refusal, topic)


def render(judged: Judgement, pseudonym: Callable[[str], str]) -> Anonymised:
    """Return the stored form of a judged sample."""
    sample = Sample(
        study=judged.study,
        subject=pseudonym(judged.subject) if judged.subject else "",
        organism=judged.named.organism,
        taxon_id=judged.named.taxon_id,
        collection_date=judged.named.collection_date,
    )
    if judged.listed:
        sample.MergeFromString(b"".join([listed.part for _, listed in judged.listed]))
    classes: dict[str, FieldClass.ValueType] = {}
    actions = {"organism": "kept"}
    if sample.taxon_id:
        actions["taxonId"] = "kept"
    if judged.topic is not None:
        for name in actions:
            classes[name], actions[name] = judged.topic.field_class, says_raised("kept", judged.topic)
    if sample.subject:
        classes["subject"], actions["subject"] = _QUASI, "pseudonym within the study"
    if sample.collection_date:
        classes["collectionDate"], actions["collectionDate"] = _QUASI, "year"
    fields = [listed.field for _, listed in judged.listed]
    fields += [field for _, field, _ in judged.values]
    for field in fields:
        actions[field.path] = field.says
        if field.field_class != _PUBLIC:
            classes[field.path] = field.field_class
    metadata = sample.metadata
    for _, field, value in judged.values:
        stored = metadata[field.name]
        if isinstance(value, str):
            stored.string_value = value
        elif isinstance(value, bool):
            stored.bool_value = value
        else:
            stored.number_value = value
    reasons = {name: dropped.reason for name, dropped in judged.dropped.items()}
    for name, dropped in judged.named.dropped.items():
        reasons[name] = dropped.reason
    return Anonymised(sample, classes, reasons, actions, judged.subject)


def _place_of_postcode(found: Sorted, vocabulary: Vocabulary) -> tuple[str, bool]:
    """Return the country of a record with a postcode, "" if unknown, and whether the postcode is called "zip"."""
    titles = [name for name, field, _ in found.judged if field.action == "prefix"]
    if not titles:
        return "", False
    countries = [text.stored for _, text in found.listed if text.field.action == "country"]
    for _, field, value in found.judged:
        if field.action == "country" and (country := country_of(plain(value), vocabulary)):
            countries.append(country)
    return countries[0] if len(set(countries)) == 1 else "", any(map(expects_five_figures, titles))


def _apply_rules(judged: list[Stored], context: RuleContext, memo: Memo) -> tuple[list[Stored], dict[str, Dropped]]:
    """Return the values that the rules store, and the fields that they drop."""
    values: list[Stored] = []
    dropped: dict[str, Dropped] = {}
    rules = memo.rules
    for name, field, value in judged:
        try:
            stored = rules[field.action](field, value, context)
        except Implausible as problem:
            if not _is_blank(value, field, context.vocabulary):
                dropped[name] = Dropped(Cause.VALUE, str(problem))
            continue
        if stored is None:
            if not _is_blank(value, field, context.vocabulary):
                dropped[name] = memo.dropped_by_value[field]
        else:
            values.append((name, memo.classified(field, stored) if field.is_classified else field, stored))
    return values, dropped


def _is_blank(value: Scalar, field: Field, vocabulary: Vocabulary) -> bool:
    """Return whether a value that a rule does not store means that there is none: "-" or "none" instead of a number."""
    if not isinstance(value, str):
        return False
    if field.action in HAVE_ANSWERS:
        # In a sensitive field, "-" may mean "negative".
        return value == "-" and field.field_class in (_PUBLIC, _QUASI)
    return vocabulary.missing.in_table(value)


def _stored(listed: list[tuple[str, Listed]], values: list[Stored]) -> Iterator[tuple[Field, Scalar]]:
    """Yield the field and the value of everything that is stored of the metadata."""
    for _, text in listed:
        yield text.field, text.stored
    for _, field, value in values:
        yield field, value


def _varies(listed: list[tuple[str, Listed]], values: list[Stored]) -> bool:
    """Return whether the class of any stored value may depend on the origin of the sample."""
    for _, text in listed:
        if text.by_origin is not None:
            return True
    return any(field.varies for _, field, _ in values)


def _classified_for(
    origin: Origin, listed: list[tuple[str, Listed]], values: list[Stored], memo: Memo
) -> tuple[list[tuple[str, Listed]], list[Stored]]:
    """Return the stored values with the classes that they have in a sample that is, or may be, of a person."""
    return (
        [item if item[1].by_origin is None else (item[0], item[1].by_origin[origin]) for item in listed],
        [(item[0], memo.classified_for(origin, *item[1:]), item[2]) if item[1].varies else item for item in values],
    )


def _all_stored_text(raw: RawSample, listed: list[tuple[str, Listed]], values: list[Stored], year: str) -> str:
    """Return one squashed text that contains every text of a sample that may be stored.

    Most records do not repeat an identifier, and one search of this text is far cheaper than a search of each value.
    """
    # `str` need not give the stored form: for a number, it writes at least the digits of that form (see `plain`). A
    # boolean is stored as "yes" or "no", so both words are added.
    texts = [str(value) for _, _, value in values]
    texts += (raw.organism, str(raw.taxon_id), year, "yes no")
    return squash("\n".join(texts)) + "".join([text.squashed for _, text in listed])


def _without_identifiers(
    listed: list[tuple[str, Listed]], values: list[Stored], identifiers: Identifiers
) -> tuple[list[tuple[str, Listed]], list[Stored], dict[str, Dropped]]:
    """Return the stored values that contain no identifier, and the dropped fields, whose values contain one."""
    if not identifiers:
        return listed, values, {}
    held = {name for name, text in listed if identifiers.occur_in(text.stored)}
    held |= {name for name, _, value in values if identifiers.occur_in(plain(value))}
    return (
        [item for item in listed if item[0] not in held],
        [item for item in values if item[0] not in held],
        dict.fromkeys(held, IDENTIFYING),
    )
