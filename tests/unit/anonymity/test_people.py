"""The people of a table, by the occasions at the ends of its subjects."""

import pytest

from fairdatabase.anonymity.model.people import people_of
from tests.unit.anonymity.test_shared_values import column_of


def number_of_people(subjects: list[str]) -> int:
    people = people_of(column_of(subjects), len(subjects)).subjects
    assert people is not None
    return len(set(people.tolist()))


@pytest.mark.parametrize("codes", [
    ["D0", "D7", "D14", "W4", "M6"], ["_1", "_2", "_3", "_4", "_5"], ["-a", "-b", "-c", "-d", "-e"],
    ["V1", "V2", "-V3", " V4", ".5"], [f"D{day}" for day in range(10)], [" visit 1", " visit 2", "T3", "rep4"],
])  # fmt: skip
@pytest.mark.parametrize("donors", [["P77"], ["K1", "K2", "K3"], [f"X{number}" for number in range(100, 160)]])
def test_occasions_count_as_one_person(donors: list[str], codes: list[str]) -> None:
    assert number_of_people([donor + code for donor in donors for code in codes]) == len(donors)


@pytest.mark.parametrize("subjects", [
    [f"S01-D{number:02}" for number in range(1, 41)],
    [f"S{site:02}-D{number:02}" for site in (1, 2, 3) for number in range(1, 31)],
    [f"{site}-{number:02}" for site in (1, 2) for number in range(1, 25)],
    [f"MV2-{number}" for number in range(1, 30)],
    [f"C3H{number}" for number in range(1, 80)],
])  # fmt: skip
def test_codes_of_a_few_sites_are_people(subjects: list[str]) -> None:
    assert number_of_people(subjects) == len(subjects)


def test_occasions_in_words_count_as_one_person_in_any_table() -> None:
    assert number_of_people([f"S1-{number:02} visit {visit}" for number in range(1, 41) for visit in range(3)]) == 40
    assert number_of_people([f"P77 day {day}" for day in range(60)]) == 1


def test_one_subject_without_a_code_shows_that_codes_are_occasions() -> None:
    assert number_of_people(["P77", *(f"P77D{day}" for day in range(60))]) == 1
