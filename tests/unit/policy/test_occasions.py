"""Numbers of visits and replicates say the order of a donor's samples, not a participant or an age."""

import pytest

from tests.unit.policy.samples import POLICY, anonymised, kept, raw_sample

FIELDS = ("visit", "timepoint", "replicate", "sampling_round")


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize(
    "written",
    ["T0", "V1", "baseline", "week 4", "day 7", "A", "W12", "T20", "visit 3", "Day -1", "week 52", "48 hours", "2nd"],
)
def test_short_code_is_kept(field: str, written: str) -> None:
    assert list(kept({field: written}).values()) == [written]


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize(
    "written",
    [
        21, 118, "57", "0431", "P12", "p3", "n7", "C4", "m12", "M48", "s19", "sample 5", "Sample5", "r2", "q8", "F41",
        "41 years", "7 yrs", "18 months", "30 mo", "month 18", "year 2", "mo 6", "T34", "V118", "visit 57", "rep 61",
        "W41", "34th visit", "41a", "baseline 57", "follow-up month 30",
    ],
)  # fmt: skip
def test_number_of_a_participant_or_an_age_is_dropped_with_its_reason(field: str, written: str | int) -> None:
    result = anonymised(raw_sample({field: written}))
    assert not result.sample.metadata
    assert "years or months" in result.drop_reasons[field]


@pytest.mark.parametrize("written", [1, 12, "1", "207", "A", "T0", "first"])
def test_order_of_the_file_is_dropped(written: str | int) -> None:
    result = anonymised(raw_sample({"sample_order": written, "body_site": "feces", "visit": 3}))
    assert dict(kept({"sample_order": written, "body_site": "feces", "visit": 3})) == {
        "body_site": "feces",
        "visit_number": 3,
    }
    assert "'visit_number'" in result.drop_reasons["sample_order"]
    assert not POLICY.fields["sample_order"].is_stored
