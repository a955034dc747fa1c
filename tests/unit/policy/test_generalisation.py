"""Many donors share a generalised value, and a value that cannot be correct is refused."""

import re
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairdatabase.policy.records.generalisation import (
    Implausible,
    band,
    coordinates,
    grid,
    read_number,
    read_quantity,
    round_number,
    year_of,
)
from fairdatabase.policy.text.dates import read_date


@pytest.mark.parametrize(
    "written",
    [
        "2008-10-28",
        "2008-10",
        "2008",
        "2008-10-28T12:30:00Z",
        "2008-10-28 12:30",
        "2008-10-28T12:30:00.123+02:00",
        "2008-10-28/2008-11-02",
        "20081028",
        "28.10.2008",
        "10/28/08",
        "10/28/2008 9:30 AM",
        "28-Oct-08",
        "October 2008",
        "Oct 28, 2008",
        "28th of October 2008",
        "28. Oktober 2008",
        "2008 Oct 28",
        2008.0,
        20081028.0,
    ],
)
def test_date_becomes_its_year(written: str | float) -> None:
    assert year_of(written) == "2008"


@pytest.mark.parametrize(
    "written", ["soon", "2008-13", "32.13.2008", "1234", "9999", "2008-10-28 x", True, 0.5, "2" * 99]
)
def test_invalid_date_is_refused(written: str | float) -> None:
    with pytest.raises(Implausible):
        year_of(written)


def test_ambiguous_date_has_two_readings() -> None:
    assert {(reading.month, reading.day) for reading in read_date("03.02.1980")} == {(2, 3), (3, 2)}
    assert len(read_date("28.02.1980")) == 1


@given(st.floats(min_value=0, max_value=130))
def test_age_is_stored_as_its_band(age: float) -> None:
    text = band(age, age, width=10, bottom=None, top=90)
    if text == "90+":
        assert age >= 90
    else:
        assert re.fullmatch(r"0-9|(?P<tens>[1-8])0-(?P=tens)9", text)
        lowest = int(text.split("-")[0])
        assert lowest <= age < lowest + 10


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (30.0, "30-39"),
        ("30", "30-39"),
        ("30 years", "30-39"),
        ("39.9 yr", "30-39"),
        ("18 months", "0-9"),
        ("0.5", "0-9"),
        ("400 d", "0-9"),
        ("30-39", "30-39"),
        ("18-65", "10-69"),
        ("35-44", "30-49"),
        ("90+", "90+"),
        ("<1", "0-9"),
        (130.0, "90+"),
    ],
)
def test_age_is_read_as_people_write_it(written: str | float, expected: str) -> None:
    assert band(*read_quantity(written, "years", "years"), width=10, bottom=None, top=90) == expected


@pytest.mark.parametrize("written", ["old", "30 kg", "39-30", "1e", True, "", "30 or so"])
def test_invalid_age_is_refused(written: str | float) -> None:
    with pytest.raises(Implausible):
        read_quantity(written, "years", "years")


@pytest.mark.parametrize(
    ("value", "expected"), [(14.9, "<15"), (15, "15-19"), (24.99, "20-24"), (39.9, "35-39"), (40, "40+")]
)
def test_lowest_and_highest_bands_are_open(value: float, expected: str) -> None:
    assert band(value, value, width=5, bottom=15, top=40) == expected


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("40.01 N 105.27 W", "40 N 105 W"),
        ("40.01, -105.27", "40 N 105 W"),
        ("-33.87 151.21", "34 S 151 E"),
        ("33.87S,151.21E", "34 S 151 E"),
    ],
)
def test_coordinates_are_rounded_to_degrees(written: str, expected: str) -> None:
    assert coordinates(written) == expected


@pytest.mark.parametrize("written", ["91 N 0 E", "0 N 181 E", "somewhere", "40.01"])
def test_coordinates_out_of_range_are_refused(written: str) -> None:
    with pytest.raises(Implausible):
        coordinates(written)


@given(st.floats(min_value=-90, max_value=90))
def test_grid_stores_whole_degrees(latitude: float) -> None:
    assert abs(grid(latitude, -90, 90) - latitude) <= 0.5


def test_numbers_keep_their_first_digits() -> None:
    assert round_number(12345678, 3) == 12300000
    assert round_number(-0.0123456, 3) == -0.0123
    assert round_number(0, 3) == 0


@pytest.mark.parametrize("written", ["1.8e308", "9" * 400, "1e16", -1e300, "1_000", "0x10", "", True])
def test_invalid_number_is_refused(written: str | float) -> None:
    with pytest.raises(Implausible):
        read_number(written)


def refusal(read: Callable[[str], object], written: str) -> str:
    try:
        read(written)
    except Implausible as refused:
        return str(refused)
    return ""


@given(st.text(max_size=60).map(lambda text: f"7Q{text}"))
def test_refusal_does_not_quote_the_value(written: str) -> None:
    for read in (year_of, coordinates, lambda text: grid(text, -90, 90), lambda text: read_quantity(text, "cm", "cm")):
        said = refusal(read, written)
        assert written not in said
