"""Raw samples, and functions that return the anonymised result."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from google.protobuf.json_format import ParseDict
from google.protobuf.struct_pb2 import Struct

from fairdatabase.policy.records.anonymisation import Anonymised, Anonymiser, InvalidSample
from fairdatabase.policy.tables.reader import load_policy
from fairdb.samples.v1.sample_pb2 import RawSample
from privacy_svc.keystore import Keystore

POLICY = load_policy()
ANONYMISER = Anonymiser(POLICY)
"""An anonymiser that all tests share, as all requests of a service share one."""
VOCABULARY_QUESTIONS = POLICY.vocabulary.questions
KEYSTORE = Keystore(pseudonym_key=b"p" * 32, consent_key=b"c" * 32)
STUDY = "0190f3a4-0000-7000-8000-000000000001"


def raw_sample(metadata: Mapping[str, Any] | None = None, *, organism: str = "E. coli", **fields: Any) -> RawSample:
    """Return a raw sample. Its metadata has plain Python values."""
    raw = RawSample(organism=organism, **fields)
    struct = Struct()
    ParseDict(dict(metadata or {}), struct)
    for key, value in struct.fields.items():
        raw.metadata[key].CopyFrom(value)
    return raw


def anonymised(raw: RawSample) -> Anonymised:
    """Return the result of anonymising the sample."""
    return ANONYMISER.anonymise(raw, lambda subject: KEYSTORE.pseudonym(STUDY, subject))


def kept(metadata: Mapping[str, Any], **fields: Any) -> dict[str, Any]:
    """Return the stored metadata of a sample with this metadata."""
    sample = anonymised(raw_sample(metadata, **fields)).sample
    return {key: getattr(value, value.WhichOneof("kind") or "") for key, value in sample.metadata.items()}


def violations(raw: RawSample) -> dict[str, str]:
    """Return the violations of the sample: description by field."""
    try:
        anonymised(raw)
    except InvalidSample as invalid:
        return {violation.field: violation.description for violation in invalid.violations}
    return {}


def policy_file(folder: Path, text: str) -> Path:
    """Write a policy file for a test."""
    path = folder / "policy.toml"
    path.write_text(text, encoding="utf-8")
    return path
