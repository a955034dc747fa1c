"""Keystore: pseudonyms and consent handles cannot be reversed or linked, and an unusable file is refused."""

import base64
import hashlib
import hmac
import json
import re
from pathlib import Path

import pytest

from privacy_svc.keystore import Keystore, KeystoreError, _base32

KEYSTORE = Keystore(pseudonym_key=b"p" * 32, consent_key=b"c" * 32)


def write(folder: Path, content: object) -> Path:
    path = folder / "keystore.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def key(byte: bytes) -> str:
    return base64.b64encode(byte * 32).decode()


def test_pseudonym_is_the_same_within_a_study_and_differs_across_studies() -> None:
    assert KEYSTORE.pseudonym("study-a", "subject-1") == KEYSTORE.pseudonym("study-a", " subject-1\u200b")
    assert KEYSTORE.pseudonym("study-a", "subject-1") != KEYSTORE.pseudonym("study-a", "subject-2")
    assert KEYSTORE.pseudonym("study-a", "subject-1") != KEYSTORE.pseudonym("study-b", "subject-1")


def test_pseudonym_is_lower_case_base32() -> None:
    assert re.fullmatch(r"p-[a-z2-7]{26}", KEYSTORE.pseudonym("study-a", "subject-1"))


@pytest.mark.parametrize("length", range(1, 33))
def test_base32_equals_the_standard_library(length: int) -> None:
    for content in (bytes(length), b"\xff" * length, hashlib.sha256(bytes([length])).digest()[:length]):
        assert _base32(content) == base64.b32encode(content).decode().rstrip("=").lower()


def test_consent_handle_depends_on_the_consent_key_only() -> None:
    other = Keystore(pseudonym_key=b"x" * 32, consent_key=b"c" * 32)
    rekeyed = Keystore(pseudonym_key=b"p" * 32, consent_key=b"d" * 32)
    assert KEYSTORE.consent_subject("subject-1") == other.consent_subject("  subject-1")
    assert KEYSTORE.consent_subject("subject-1") != rekeyed.consent_subject("subject-1")
    assert len(KEYSTORE.consent_subject("subject-1")) == 32


def test_consents_of_the_first_version_are_found_by_the_spelling_of_then() -> None:
    assert KEYSTORE.former_consent_subject(" P-001") == hmac.digest(b"c" * 32, b"P-001", "sha256")
    assert KEYSTORE.former_consent_subject("P-001") != KEYSTORE.former_consent_subject("p001")
    assert KEYSTORE.consent_subject("P-001") == KEYSTORE.consent_subject("p 001")


@pytest.mark.parametrize("subject", ["", "  ", "\u200b"])
def test_empty_subject_is_refused(subject: str) -> None:
    with pytest.raises(ValueError, match="subject is empty"):
        KEYSTORE.consent_subject(subject)
    with pytest.raises(ValueError, match="subject is empty"):
        KEYSTORE.pseudonym("study-a", subject)


def test_pseudonym_without_a_study_is_refused() -> None:
    with pytest.raises(ValueError, match="needs a study"):
        KEYSTORE.pseudonym("", "subject-1")


def test_load_reads_both_keys(tmp_path: Path) -> None:
    loaded = Keystore.load(write(tmp_path, {"pseudonym": key(b"p"), "consent": key(b"c")}))
    assert loaded.pseudonym("study-a", "subject-1") == KEYSTORE.pseudonym("study-a", "subject-1")
    assert loaded.consent_subject("subject-1") == KEYSTORE.consent_subject("subject-1")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "not a JSON file"),
        ([], "with exactly the fields"),
        ({"pseudonym": key(b"p")}, "with exactly the fields"),
        ({"pseudonym": key(b"p"), "consent": "%%%"}, "consent is not base64"),
        ({"pseudonym": key(b"p"), "consent": 7}, "32 bytes"),
        ({"pseudonym": key(b"p"), "consent": "c2hvcnQ="}, "32 bytes"),
        ({"pseudonym": key(b"p"), "consent": key(b"p")}, "must differ"),
    ],
)
def test_unusable_keystore_is_refused_without_quoting_a_key(tmp_path: Path, content: object, message: str) -> None:
    with pytest.raises(KeystoreError, match=message) as refused:
        Keystore.load(write(tmp_path, content))
    assert key(b"p") not in str(refused.value)
    assert "c2hvcnQ" not in str(refused.value)


def test_missing_keystore_is_refused(tmp_path: Path) -> None:
    with pytest.raises(KeystoreError, match="No such file"):
        Keystore.load(tmp_path / "none.json")


def test_repr_shows_no_key() -> None:
    assert "ppp" not in repr(KEYSTORE)
    assert "ccc" not in repr(KEYSTORE)
