"""Subjects: which donor a sample comes from if several fields name one, and which fields then do not count."""

from itertools import permutations

import pytest

from fairdatabase.policy.records.anonymisation import Judgement
from fairdatabase.policy.records.drops import NOBODY, REPEATED
from tests.unit.policy.samples import ANONYMISER, KEYSTORE, STUDY, anonymised, raw_sample

_TWO_DONORS = " name different donors; send one donor"


def judge(metadata: dict[str, object], subject: str = "") -> Judgement:
    return ANONYMISER.judge(raw_sample(metadata, subject=subject))


def is_refused(judged: Judgement) -> bool:
    return [violation.description.endswith(_TWO_DONORS) for violation in judged.violations] == [True]


@pytest.mark.parametrize(("metadata", "own", "subject"), [
    ({}, " donor  7 ", "donor 7"),
    ({"host_subject_id": "donor 7"}, "", "donor 7"),
    ({"Subject": 158458797}, "", "158458797"),
    ({"Subject": "Not applicable"}, "", None),
    ({"age": 3}, "", None),
    ({"Subject": "x-7", "individual": "X 7"}, "", "x-7"),
])  # fmt: skip
def test_donor_comes_from_the_subject_or_else_from_the_metadata(
    metadata: dict[str, object], own: str, subject: str | None
) -> None:
    assert judge(metadata, own).subject == subject


@pytest.mark.parametrize("word", [
    "Human", "HUMAN", "homo sapiens", "Homo_sapiens", "patient", "Patients", "donor", "self", "Healthy donor",
    "healthy-control", "Control", "yes", "No", "volunteer", "Female", "mouse", "Mus musculus", "adult male", "Patientin"
])  # fmt: skip
def test_word_that_fits_many_is_no_donor(word: str) -> None:
    alone = judge({"donor": word})
    assert (alone.subject, alone.dropped, is_refused(alone)) == (None, {"donor": NOBODY}, False)
    beside = judge({"DONOR": word, "HOST_SUBJECT_ID": "K-2208"})
    assert (beside.subject, beside.dropped, is_refused(beside)) == ("K-2208", {"DONOR": NOBODY}, False)
    own = judge({"host_subject_id": "K-2208"}, word)
    assert (own.subject, own.named.dropped, is_refused(own)) == ("K-2208", {"subject": NOBODY}, False)


@pytest.mark.parametrize("code", ["Human 3", "patient-12", "PI", "Blue", "Y2", "control A", "P", "self+", "Self Marie"])
def test_code_with_such_a_word_is_a_donor(code: str) -> None:
    assert judge({"donor": code}).subject == code


def test_word_that_fits_many_is_not_erased_elsewhere() -> None:
    stored = anonymised(raw_sample({"donor": "self", "notes": "self reported, donor K-1"}, subject="me")).sample
    assert stored.metadata["notes"].string_value == "self reported, donor K-1"


@pytest.mark.parametrize(("winner", "loser"), [
    (("host_subject_id", "KD-5518"), ("individual", "5518")),
    (("subject_id", "KD-5518"), ("HOST_SUBJECT_ID", "5518")),
    (("donor", "MZ study patient 5518"), ("host_subject_id", "Patient-5518")),
    (("individual", "Oslo-Q31b"), ("subject_id", "q31 B")),
    (("patient_id", "P 77"), ("person", "77")),
    (("donor", "NV.Q12-4"), ("Individual", "Q12-4")),
    (("volunteer id", "wk-31"), ("volunteer", "31")),
    (("individual", "wk-31"), ("host_subject_id", "frozen stool")),
    (("donor", "wk-31"), ("subject_id", "Mother")),
    (("person", "Marie Quartz"), ("participant", "healthy mother")),
])  # fmt: skip
def test_most_specific_field_wins_over_parts_and_descriptions(winner: tuple[str, str], loser: tuple[str, str]) -> None:
    for order in permutations((winner, loser)):
        judged = judge(dict(order))
        assert (judged.subject, judged.dropped, is_refused(judged)) == (winner[1], {loser[0]: REPEATED}, False)


@pytest.mark.parametrize(("one", "other"), [
    ("1", "21"), ("F2", "F210"), ("K-12", "K-13"), ("PI", "DM"), ("Blue", "wk-31"), ("Marie", "Anna"), ("7", "P007"),
    ("Q12", "Q12-4"), ("4", "Q12 4"), ("5518", "5518.b"), ("Q 12", "Q12 Q13"), ("Q13", "Q12 Q13"), ("7", "K7-3"),
    ("3", "K7-3"), ("K7", "K7-3"), ("31", "mother 31"), ("31", "sib-31"), ("Twin 31", "31"), ("K-31", "mother of K-31"),
    ("Marie", "Anna Marie"), ("mother", "mother of twin"), ("8", "2019-8"), ("AG", "AG-31"), ("31", "31 AG"),
    ("P1+", "P1*"), ("P1", "P1+"), ("1-12", "11-2"), ("mother", "twin"), ("PT-K4", "1460:SM-1"), ("李", "王")
])  # fmt: skip
def test_codes_of_two_people_are_refused(one: str, other: str) -> None:
    for first, second in permutations((one, other)):
        assert is_refused(judge({"host_subject_id": first, "donor_id": second}))
        assert is_refused(judge({"individual": second}, first))


def test_two_codes_that_share_a_part_are_still_two_people() -> None:
    assert is_refused(judge({"host_subject_id": "31", "subject_id": "AG 31", "donor": "BX 31"}))


def test_own_subject_wins_over_a_part_of_it() -> None:
    judged = judge({"host_subject_id": "31"}, "AG-31")
    assert (judged.subject, judged.dropped) == ("AG-31", {"host_subject_id": REPEATED})


def test_pseudonym_and_consent_are_of_the_same_donor() -> None:
    result = anonymised(raw_sample({"donor": "Human", "individual": "31", "host_subject_id": "AG-31"}))
    assert result.subject == "AG-31"
    assert result.sample.subject == KEYSTORE.pseudonym(STUDY, "AG-31")
    assert set(result.drop_reasons) == {"donor", "individual"}


def test_donor_that_lost_is_erased_from_the_texts() -> None:
    stored = anonymised(
        raw_sample({"individual": "QX31", "host_subject_id": "AG-QX31", "notes": "tube of QX31"})
    ).sample
    assert stored.metadata["notes"].string_value == "tube of [redacted]"


@pytest.mark.parametrize(("metadata", "own", "subject", "dropped"), [
    ({"case_id": "QR-08-11"}, "", "QR-08-11", set[str]()),
    ({"Case Submitter ID": "QR-08-11"}, "", "QR-08-11", set[str]()),
    ({"case_id": "5e2cb1f0-77aa-4d0e-9d4b-0f3a6c7d1e52", "case_submitter_id": "QR-08-11"}, "",
     "5e2cb1f0-77aa-4d0e-9d4b-0f3a6c7d1e52", {"case_submitter_id"}),
    ({"case_id": "31", "subject_id": "KD-5518"}, "", "KD-5518", {"case_id"}),
    ({"case_id": "31", "patient": "KD-5518"}, "", "KD-5518", {"case_id"}),
    ({"case_id": "KD-5518-case-77", "patient": "31"}, "", "31", {"case_id"}),
    ({"case_id": "31"}, "KD-5518", "KD-5518", {"case_id"}),
    ({"case_id": "control", "donor": "KD-5518"}, "", "KD-5518", {"case_id"}),
])  # fmt: skip
def test_code_of_a_case_names_the_donor_unless_another_field_does(
    metadata: dict[str, object], own: str, subject: str, dropped: set[str]
) -> None:
    judged = judge(metadata, own)
    assert (judged.subject, set(judged.dropped), is_refused(judged)) == (subject, dropped, False)


def test_code_of_a_case_hides_no_contradiction() -> None:
    assert is_refused(judge({"case_id": "31", "patient": "KD-5518", "donor": "ZZ-9"}))


@pytest.mark.parametrize(("metadata", "own", "named"), [
    ({"patient": "KD-5518", "donor": "ZZ-9"}, "", "patient and donor"),
    ({"HOST_SUBJECT_ID": "KD-5518", "Individual": "ZZ-9"}, "", "HOST_SUBJECT_ID and Individual"),
    ({"donor": "ZZ-9"}, "KD-5518", "subject and donor"),
    ({"case_id": "31", "host id": "WW-2", "person id": "ZZ-9"}, "", "person id and host id"),
    ({"donor": "KD-5518", "person": "kd 5518", "patient": "ZZ-9"}, "", "patient and donor"),
    ({"patient_id": "KD-5518", "subjеct": "ZZ-9"}, "", "subject_id and patient_id"),
])  # fmt: skip
def test_contradiction_names_both_fields(metadata: dict[str, object], own: str, named: str) -> None:
    (violation,) = judge(metadata, own).violations
    assert (violation.field, violation.description) == ("sample.subject", named + _TWO_DONORS)
