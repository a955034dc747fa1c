"""Occasions in the identifiers of donors."""

from itertools import chain

import pytest

from fairdatabase.policy.text.occasions import donor_in

SAME = [
    ["Q31", "Q31 visit 1", "q31_Visit_2", "Q31V3", "Q31-v4", "Q31 v5.1", "Q31 VISIT no. 6", "Q31 (visit #7)"],
    ["K-8", "K-8 day 1", "K-8_day 2", "K-8.week12", "K-8 month 3", "K-8 wk 4", "K-8 Tag 2"],
    ["Mary", "Mary timepoint 1", "Mary_TP2", "Mary T3", "Mary time point 4", "Mary 2nd visit", "Mary first visit"],
    ["004", "4 rep1", "4 replicate B", "4-aliquot-2", "4 sample 9", "4 visit 1 aliquot 2", "4 tube II", "4 biopsy 3"],
    ["ab12", "visit 1 ab12", "V2-ab12", "ab12 baseline", "ab12-post", "ab12 follow-up 2", "ab12_screening"],
    ["z9x", "z9x 2018-04-05", "z9x_20180601", "z9x 06.07.2018", "z9x week 3 2018-07-01"],
]
DIFFERENT = [
    "T1", "T2", "V1", "sample 1", "sample 2", "visit 3", "donor sample 4", "donor sample 5", "Patient 1", "Patient 2",
    "PT1", "PT2", "HV-1", "HV-2", "Sunday1", "S01-D05", "S01-D06", "1-12", "11-2", "SAMN0001", "SAMN0002",
    "Cohort_2017_M1", "Cohort_2017_M2", "repA7", "after7x", "case visit 1", "case visit 2", "P8", "P9",
]  # fmt: skip


@pytest.mark.parametrize("subjects", SAME, ids=lambda subjects: subjects[0])
def test_occasions_of_one_donor(subjects: list[str]) -> None:
    assert len({donor_in(subject) for subject in subjects}) == 1


def test_donors_of_different_names() -> None:
    assert len({donor_in(subject) for subject in DIFFERENT}) == len(DIFFERENT)


def test_result_is_stable_and_never_empty() -> None:
    for subject in chain(DIFFERENT, *SAME):
        assert donor_in(subject)
        assert donor_in(donor_in(subject)) == donor_in(subject)
