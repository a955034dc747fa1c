"""Anonymisation in the peers: they call the platform's own code and policy in their own process."""

from pathlib import Path
from typing import NamedTuple
from uuid import UUID

from google.protobuf.struct_pb2 import NULL_VALUE, Value

from bench.peers.bodies import Anonymised, SampleCreate, Scalar
from fairdatabase.policy.records.anonymisation import Anonymiser as PolicyAnonymiser
from fairdatabase.policy.records.anonymisation import InvalidSample, render
from fairdatabase.policy.tables.reader import load_policy
from fairdb.samples.v1.sample_pb2 import RawSample
from privacy_svc.keystore import Keystore


class Result(NamedTuple):
    """A sample after anonymisation, and the handle under which its donor's consent is recorded."""

    sample: Anonymised
    subject_hash: bytes | None


class Anonymiser:
    """Anonymises samples. Reads the policy and the keys once."""

    def __init__(self, keystore_file: Path) -> None:
        self._policy_anonymiser = PolicyAnonymiser(load_policy())
        self._keystore = Keystore.load(keystore_file)

    def anonymise(self, raw: SampleCreate, id: UUID, owner: UUID, study: UUID) -> Result:
        """Return what may be kept of a sample. Raises InvalidSample."""
        judged = self._policy_anonymiser.judge(_to_message(raw))
        if judged.violations:
            raise InvalidSample(judged.violations)
        subject = judged.subject
        done = render(judged, lambda subject: self._keystore.pseudonym(str(study), subject))
        sample = done.sample
        anonymised = Anonymised.model_construct(
            id=id,
            owner=owner,
            study=study,
            subject=sample.subject,
            organism=sample.organism,
            taxon_id=sample.taxon_id,
            collection_date=sample.collection_date,
            metadata={name: _scalar(value) for name, value in sample.metadata.items()},
            classes=done.classes,
            dropped_fields=done.dropped_fields,
        )
        return Result(anonymised, self._keystore.consent_subject(subject) if subject else None)


def _to_message(raw: SampleCreate) -> RawSample:
    message = RawSample(
        study=raw.study,
        subject=raw.subject,
        organism=raw.organism,
        taxon_id=raw.taxon_id,
        collection_date=raw.collection_date,
    )
    metadata = message.metadata
    for name, scalar in raw.metadata.items():
        if isinstance(scalar, str):
            metadata[name].string_value = scalar
        elif isinstance(scalar, bool):
            metadata[name].bool_value = scalar
        elif scalar is None:
            metadata[name].null_value = NULL_VALUE
        else:
            metadata[name].number_value = scalar
    return message


def _scalar(value: Value) -> Scalar:
    kind = value.WhichOneof("kind")
    if kind == "number_value":
        number = value.number_value
        return int(number) if number.is_integer() and abs(number) < 2**53 else number
    return None if kind is None or kind == "null_value" else getattr(value, kind)
