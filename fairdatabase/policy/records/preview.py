"""Preview: explains what anonymisation would do to each field of a sample. Only the sender receives a preview."""

from google.protobuf.struct_pb2 import Value
from google.rpc.error_details_pb2 import BadRequest

from fairdatabase.policy.records.anonymisation import Anonymised, Anonymiser, Judgement, render
from fairdatabase.policy.records.contract import SAMPLE
from fairdatabase.policy.records.drops import UNKNOWN, Cause
from fairdatabase.policy.records.named_fields import IN_POLICY
from fairdatabase.policy.tables.fields import Field
from fairdb.privacy.v1.field_class_pb2 import FieldClass
from fairdb.samples.v1.sample_pb2 import RawSample, Sample
from fairdb.samples.v1.sample_service_pb2 import FieldPreview, SamplePreview

PSEUDONYM = "p-…"
"""A placeholder. With real pseudonyms, a sender could find out by trial which sample belongs to which donor."""

_CLASSES = {
    FieldClass.FIELD_CLASS_UNSPECIFIED: FieldPreview.CLASS_DIRECT,
    FieldClass.FIELD_CLASS_QUASI_IDENTIFIER: FieldPreview.CLASS_QUASI_IDENTIFIER,
    FieldClass.FIELD_CLASS_SENSITIVE: FieldPreview.CLASS_SENSITIVE,
    FieldClass.FIELD_CLASS_RESTRICTED: FieldPreview.CLASS_RESTRICTED,
    FieldClass.FIELD_CLASS_PUBLIC: FieldPreview.CLASS_PUBLIC,
}
# The fields outside the metadata, each with its name in the policy ("" if it has none).
_NAMED = {"study": "", "subject": "subject_id", **IN_POLICY}
_BEYOND_CORRECTION = (Cause.UNKNOWN, Cause.RULE)


def preview(raw: RawSample, anonymiser: Anonymiser) -> SamplePreview:
    """Return what anonymisation does to each field of a raw sample, whether or not the sample can be stored."""
    policy = anonymiser.policy
    judged = anonymiser.judge(raw)
    result = render(judged, lambda subject: PSEUDONYM)
    sent, stored = _named_values(raw), _named_values(result.sample)
    fields = [
        answer
        for name, field in _NAMED.items()
        if (answer := _explain_named(name, policy.fields.get(field), sent[name], stored[name], judged, result))
    ]
    kept = {key for key, _ in judged.listed} | {key for key, _, _ in judged.values} | judged.merged
    # The policy does not list every question that it stores, and some values name their field.
    found = {key: listed.field for key, listed in judged.listed} | {key: field for key, field, _ in judged.values}
    fields += [
        _explain(key, policy.listed(key) or found.get(key), raw.metadata[key], key in kept, judged, result)
        for key in sorted(raw.metadata)
    ]
    if result.sample.organism and all(field.stored_name != "organism" for field in fields):
        # The taxonomy id is all that the sample says about its organism.
        field_class = _CLASSES[result.classes.get("organism", FieldClass.FIELD_CLASS_PUBLIC)]
        derived = FieldPreview(name="organism", field_class=field_class, reason=policy.fields["organism"].why)
        _store(derived, "organism", sent["organism"], stored["organism"], result.actions["organism"])
        fields.insert(0, derived)
    violations = [
        BadRequest.FieldViolation(field=field, description=description)
        for field, description in sorted(set(judged.violations))
    ]
    return SamplePreview(policy_version=policy.version, fields=fields, violations=violations)


def _named_values(sample: RawSample | Sample) -> dict[str, Value]:
    """Return the fields outside the metadata. An absent field is a Value without a kind."""
    texts = {
        "study": sample.study,
        "subject": sample.subject,
        "organism": sample.organism,
        "collectionDate": sample.collection_date,
    }
    values = {name: Value(string_value=text) if text else Value() for name, text in texts.items()}
    return values | {"taxonId": Value(number_value=sample.taxon_id) if sample.taxon_id else Value()}


def _explain_named(
    name: str, found: Field | None, sent: Value, stored: Value, judged: Judgement, result: Anonymised
) -> FieldPreview | None:
    problems = [violation.description for violation in judged.violations if violation.field == f"{SAMPLE}.{name}"]
    is_given = sent.WhichOneof("kind") is not None
    if not (is_given or problems):
        return None
    answer = FieldPreview(name=name, field_class=FieldPreview.CLASS_PUBLIC)
    if found is not None:
        answer.field_class, answer.reason = _CLASSES[found.field_class], found.why
    if problems:
        answer.outcome, answer.advice = FieldPreview.OUTCOME_REFUSED, "; ".join(problems)
    elif (dropped := judged.named.dropped.get(name)) is not None:
        answer.outcome, answer.advice = FieldPreview.OUTCOME_DROPPED, dropped.reason
    elif stored.WhichOneof("kind") is None:
        answer.outcome = FieldPreview.OUTCOME_BLANK
    else:
        if name in ("organism", "taxonId"):
            # The class depends on the organism, too.
            answer.field_class = _CLASSES[result.classes.get(name, FieldClass.FIELD_CLASS_PUBLIC)]
        _store(answer, name, sent, stored, result.actions.get(name, "kept"))
    return answer


def _explain(
    key: str, found: Field | None, sent: Value, is_kept: bool, judged: Judgement, result: Anonymised
) -> FieldPreview:
    answer = FieldPreview(name=f"metadata.{key}", field_class=FieldPreview.CLASS_UNKNOWN, reason=UNKNOWN.reason)
    if found is not None:
        answer.field_class, answer.reason = _CLASSES[found.field_class], found.why
    if key in judged.refusal.metadata:
        answer.outcome, answer.advice = FieldPreview.OUTCOME_REFUSED, "; ".join(judged.refusal.metadata[key])
    elif (dropped := judged.dropped.get(key)) is not None:
        answer.outcome = FieldPreview.OUTCOME_DROPPED
        if dropped.cause not in _BEYOND_CORRECTION:
            answer.advice = dropped.reason
    elif found is not None and found.action == "subject" and key in judged.donors:
        _store(answer, "subject", sent, Value(string_value=PSEUDONYM), found.says)
    elif found is not None and is_kept:
        # The class also depends on the value.
        answer.field_class = _CLASSES[result.classes.get(found.path, found.field_class)]
        named = next((name for name, field in _NAMED.items() if field == found.name), None)
        if found.name in result.sample.metadata or named is None:
            says = result.actions.get(found.path, found.says)
            _store(answer, found.path, sent, result.sample.metadata[found.name], says)
        else:
            # The value became a field of the sample.
            _store(answer, named, sent, _named_values(result.sample)[named], found.says)
    else:
        answer.outcome = FieldPreview.OUTCOME_BLANK
    return answer


def _store(answer: FieldPreview, name: str, sent: Value, stored: Value, action: str) -> None:
    answer.outcome = FieldPreview.OUTCOME_KEPT if sent == stored else FieldPreview.OUTCOME_CHANGED
    answer.stored_name, answer.action = name, action
    answer.stored_value.CopyFrom(stored)
