"""Occasions in the identifiers of donors."""

import time
from itertools import chain

import pytest

from fairdatabase.policy.text.occasions import donor_in

SAME = [
    ["Q31", "Q31 visit 1", "q31_Visit_2", "Q31V3", "Q31-v4", "Q31 v5.1", "Q31 VISIT no. 6", "Q31 (visit #7)"],
    ["K-8", "K-8 day 1", "K-8_day 2", "K-8.week12", "K-8 month 3", "K-8 wk 4", "K-8 Tag 2"],
    ["Mary", "Mary timepoint 1", "Mary_TP2", "Mary T3", "Mary time point 4", "Mary 2nd visit", "Mary first visit"],
    ["004", "4 rep1", "4 replicate B", "4-aliquot-2", "4 sample 9", "4 visit 1 aliquot 2", "4 tube II", "4 biopsy 3"],
    ["ab12", "visit 1 ab12", "V2-ab12", "ab12 baseline", "ab12-post", "ab12 follow-up 2", "ab12_screening"],
    [
        "P-12",
        "P12D0",
        "P12D7",
        "P12W4",
        "p12m6",
        "P-12 Y2",
        "P12TP3",
        "P12rep2",
        "P12H24",
        "P12wk8",
        "P12-mo3",
        "P12d14b",
    ],
    ["P31", "P31_1", "P31_02", "P31.3", "P31-4", "P31 5", "P31#6", "P31/7", "P31 (8)"],
    ["X40C", "X40C-a", "X40C_b", "X40C c", "X40C-D", "x40c.e", "X40C-ii", "X40C_III"],
    ["R-55", "R55a", "R55B", "r55e", "R-55 c", "R55d_V2"],
    ["q7", "D7-Q7", "W4Q7", "M3_q7", "V2Q7", "D7-Q7_2", "q7D3_1", "q7 visit 2 D3"],
    ["S01", "S01-D05", "S01-D06", "S01_T2_1"],
    ["z9x", "z9x 2018-04-05", "z9x_20180601", "z9x 06.07.2018", "z9x week 3 2018-07-01"],
]
DIFFERENT = [
    "T1", "T2", "V1", "sample 1", "sample 2", "visit 3", "donor sample 4", "donor sample 5", "Patient 1", "Patient 2",
    "PT1", "PT2", "HV-1", "HV-2", "Sunday1", "1-12", "11-2", "SAMN0001", "SAMN0002",
    "Cohort_2017_M1", "Cohort_2017_M2", "Cohort_2017_3",
    "KleinB_2019_A", "KleinB_2019_B", "T1D-034", "T1D-035",
    "repA7", "after7x", "case visit 1", "case visit 2", "P8", "P9",
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


def test_long_text_stays_whole() -> None:
    assert donor_in("k" * 200 + " visit 1") == "k" * 200 + "visit1"


@pytest.mark.parametrize("hostile", ["day", "_", "1", " v1", "day_", "-2", "visit ", "no. ", "1st ", "2018-", "x1"])
@pytest.mark.parametrize("before", ["", "day", "7" * 50 + "x", "visit"])
def test_time_is_proportional_to_the_text(before: str, hostile: str) -> None:
    def cost(length: int) -> float:
        text = before + (hostile * length)[:length]
        begin = time.process_time()
        for _ in range(20):
            donor_in(text)
        return time.process_time() - begin

    # The text is at least ten times as long. Quadratic time would be a hundred times as much, in each attempt.
    assert any(cost(1200) < 40 * max(cost(70), 0.0002) for _ in range(5))
    assert any(cost(4000) < 40 * max(cost(400), 0.0002) for _ in range(5))
