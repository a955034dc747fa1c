"""Contract: finds the validation rules of the proto that a raw sample breaks.

Protovalidate takes about as long as the whole anonymisation, so it checks only fields that may break a rule.
"""

from functools import partial

from fairdatabase.policy.records.memo import Memo
from fairdatabase.violations import Violation, violations_of
from fairdb.samples.v1.sample_pb2 import RawSample

SAMPLE = "sample"
# A sample with more metadata fields is checked as a whole, because the proto limits the number of fields. The limit of
# the proto is far higher, and most sheets have fewer fields than this.
_MANY_FIELDS = 100


def broken_rules(raw: RawSample, questionable: list[str], memo: Memo) -> list[Violation]:
    """Return the rules that a raw sample breaks, given the names of the metadata fields that may break one."""
    if (
        not questionable
        and len(raw.metadata) <= _MANY_FIELDS
        and memo.keeps_contract(raw, partial(_named_are_good, raw))
    ):
        return []
    return violations_of(_questionable_part(raw, questionable), SAMPLE)


def _questionable_part(raw: RawSample, questionable: list[str]) -> RawSample:
    if len(raw.metadata) > _MANY_FIELDS:
        return raw
    part = _named_part(raw)
    for name in questionable:
        part.metadata[name].CopyFrom(raw.metadata[name])
    return part


def _named_are_good(raw: RawSample) -> bool:
    return not violations_of(_named_part(raw), SAMPLE)


def _named_part(raw: RawSample) -> RawSample:
    return RawSample(
        study=raw.study,
        subject=raw.subject,
        organism=raw.organism,
        taxon_id=raw.taxon_id,
        collection_date=raw.collection_date,
    )
