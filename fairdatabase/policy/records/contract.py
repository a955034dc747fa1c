"""Contract: the rules of its proto that a raw sample breaks, where the policy has not found fault already."""

from fairdatabase.policy.records.record import SAMPLE, Record
from fairdatabase.policy.tables.fields import Policy
from fairdatabase.violations import violations_of
from fairdb.samples.v1.sample_pb2 import RawSample

# Far fewer than the proto permits, and more than a sheet has.
_MANY_FIELDS = 100
_METADATA = f"{SAMPLE}.metadata."
_REMEMBERED = 4096
# Of samples whose named fields break no rule: the study, the lengths of the texts and 0 for every taxonomy id.
_good: set[tuple[str, int, int, int, int]] = set()


def note_broken_rules(raw: RawSample, policy: Policy, record: Record) -> None:
    """Add to the record what the sample breaks."""
    has_questionable = bool(record.questionable) or len(raw.metadata) > _MANY_FIELDS
    if not has_questionable and _named_fields_are_good(raw):
        return
    broken = violations_of(_questionable(raw, record), SAMPLE)
    refused = {violation.field for violation in record.all_violations(policy)} if broken else set[str]()
    for violation in broken:
        key = violation.field.removeprefix(_METADATA)
        if key == violation.field:
            if violation.field not in refused:
                record.violations.append(violation)
        elif record.shown(key, policy) not in refused:
            record.refuse_field(key, violation.description)


def _questionable(raw: RawSample, record: Record) -> RawSample:
    """Return the sample without the fields that break no rule of its proto, since looking at each costs time."""
    if len(raw.metadata) > _MANY_FIELDS:
        return raw
    part = _named_fields(raw)
    for key in record.questionable:
        part.metadata[key].CopyFrom(raw.metadata[key])
    return part


def _named_fields(raw: RawSample) -> RawSample:
    return RawSample(
        study=raw.study,
        subject=raw.subject,
        organism=raw.organism,
        taxon_id=raw.taxon_id,
        collection_date=raw.collection_date,
    )


def _named_fields_are_good(raw: RawSample) -> bool:
    """Tell whether the fields beside the metadata break no rule, asking anew only for what was not yet found good.

    The rules look at which study it is, at the sign of a number and at how long a text is (a test holds them to that),
    so nothing of a donor has to be remembered.
    """
    subject, organism, collection_date = raw.subject, raw.organism, raw.collection_date
    form = (raw.study, len(subject), len(organism), min(raw.taxon_id, 0), len(collection_date))
    if form not in _good:
        if violations_of(_named_fields(raw), SAMPLE):
            return False
        if len(_good) >= _REMEMBERED:
            _good.clear()
        _good.add(form)
    return "\0" not in subject and "\0" not in organism and "\0" not in collection_date
