"""Beside the classes, at least k people share each published value: no exact value of one person leaves."""

import re
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairdatabase.anonymity.model.people import People, people_of
from fairdatabase.anonymity.model.table import Column, Table, column_of, table_of
from fairdatabase.anonymity.recoding.shared_values import FREE_TEXT, Shared, hidden_rows, hide_rare, share_values
from fairdatabase.anonymity.risk.limits import Limits
from fairdatabase.anonymity.risk.risk import Roles, measure
from fairdatabase.anonymity.risk.sensitive import read_sensitive
from fairdatabase.anonymity.search.anonymise import Anonymised, anonymise

K = 5
BOUNDS = re.compile(r"<(?P<under>-?[\d.]+)|(?P<over>-?[\d.]+)\+|(?P<low>-?[\d.]+)(?:-| to )(?P<high>-?[\d.]+)")


def shared(texts: list[str], title: str = "", people: People | None = None, k: int = K) -> list[str]:
    found = share_values(column_of(texts), title, people or people_of(None, len(texts)), k)
    assert isinstance(found, Shared), found
    return found.column.texts()


def contains(text: str, number: float) -> bool:
    """Return whether a published text is true of a number."""
    match = BOUNDS.fullmatch(text)
    if match is None:
        return text == "*" or float(text) == number
    if match["under"]:
        return number < float(match["under"])
    if match["over"]:
        return number >= float(match["over"])
    return float(match["low"]) <= number < float(match["high"])


@pytest.mark.parametrize(
    "numbers",
    [
        [repr(x) for x in np.random.default_rng(1).normal(7.1, 1.4, 90).round(4).tolist()],
        [repr(x) for x in np.random.default_rng(2).lognormal(3, 2, 200).round(1).tolist()],
        [str(n) for n in range(40, 75)],
        ["7.3412", *["7", "8", "9"] * 5, "6.98", "7.01", "8.125"],
        [repr(-x) for x in np.random.default_rng(3).exponential(40, 60).round(3).tolist()],
    ],
)
def test_numbers_become_shared_intervals_on_the_grid(numbers: list[str]) -> None:
    texts = shared(numbers)
    assert min(Counter(texts).values()) >= K
    assert all(contains(text, float(number)) for text, number in zip(texts, numbers, strict=True))
    assert len(set(texts)) > 1
    # The lowest and the highest number belong to somebody, so the ends of the column are open.
    ascending = sorted(zip(map(float, numbers), texts, strict=True))
    assert (ascending[0][1][0], ascending[-1][1][-1]) == ("<", "+")


@pytest.mark.parametrize(
    ("texts", "found"),
    [
        (["0"] * 60 + ["1"] * 39 + ["7"], {"0", "1", "*"}),
        (["1", "2", "3"] * 20, {"1", "2", "3"}),
        (["1", "1.0", "+1"] * 9 + ["2"] * 8, {"1", "2"}),
        (["8"] * 50 + ["9"] * 45 + ["8.25", "NA", "NA", "NA", "NA", "NA"], {"8", "9", "NA", "*"}),
    ],
)
def test_numbers_that_enough_people_share_stay_exact(texts: list[str], found: set[str]) -> None:
    assert set(shared(texts)) == found


@pytest.mark.parametrize(
    ("rare", "common"),
    [
        (["Sami"], ["Dutch", "Frisian"]),
        (["vegan", "pescatarian"], ["omnivore", "vegetarian"]),
        (["Fabry disease"], ["IBD", "asthma", "none"]),
        (["O;AB"], ["O", "A;B"]),
        (["hiv "], ["HIV", "influenza"]),
        (["tuberculosis"] * 4, ["none", "flu"]),
    ],
)
def test_values_of_few_people_become_stars(rare: list[str], common: list[str]) -> None:
    given = [*rare, *common * 20]
    texts = shared(given)
    counts = Counter(texts)
    assert min(counts.values()) >= K
    assert not set(texts) & set(rare)
    assert set(common) <= set(texts)
    assert counts.get("*", K) <= max(len(rare), K)
    column = column_of(given)
    now = column_of(texts)
    assert hidden_rows(column, now) == counts["*"]


def test_star_is_shared_too_even_if_a_common_value_is_lost() -> None:
    assert Counter(shared(["a"] * 30 + ["b"] * 6 + ["c"])) == {"a": 26, "b": 6, "*": 5}
    assert Counter(shared(["a"] * 7 + ["b"] * 6 + ["c"])) == {"a": 7, "*": 7}
    assert (
        share_values(column_of(["a"] * 6 + ["b"]), "", people_of(None, 7), K) == "fewer than 5 people share any value"
    )


@pytest.mark.parametrize(
    ("texts", "title", "found"),
    [
        ([f"2016-05-{day:02}" for day in range(1, 25)], "date_of_death", {"2016-05"}),
        ([f"E11.{i}" for i in range(9)] + [f"K50.{i}" for i in range(9)], "icd code", {"E11.*", "K50.*"}),
        ([f"USA:{town}" for town in "abcdefgh"] + ["Peru:Lima"] * 9, "", {"USA", "Peru:Lima"}),
        (
            [f"{1950 + year}-01-01" for year in range(20)],
            "seen on",
            {"1950-1954", "1955-1959", "1960-1964", "1965-1969"},
        ),
    ],
)
def test_dates_codes_and_places_lose_their_last_parts(texts: list[str], title: str, found: set[str]) -> None:
    assert set(shared(texts, title)) == found


@pytest.mark.parametrize(
    "words",
    [
        "felt dizzy after visit {} and went home",
        "Pat. {} klagt über Schmerzen seit dem Sommer",
        "lives with the dog of neighbour number {}",
    ],
)
def test_free_text_is_left_out(words: str) -> None:
    texts = [words.format(i) for i in range(40)] + ["nothing to add to what was said"] * 9
    assert share_values(column_of(texts), "", people_of(None, len(texts)), K) == FREE_TEXT


def test_people_are_counted_not_rows() -> None:
    subjects = column_of([f"p{i // 6}" for i in range(60)])
    people = people_of(subjects, 60)
    # Six rows of one person.
    texts = shared(["gout"] * 6 + ["none"] * 54, people=people)
    of = Counter((text, subject) for text, subject in zip(texts, subjects.texts(), strict=True))
    assert "gout" not in texts
    assert min(Counter(text for text, _ in of).values()) >= K
    weights = shared([str(60 + i) for i in range(60)], people=people)
    assert min(Counter(text for text, _ in set(zip(weights, subjects.texts(), strict=True))).values()) >= K


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.sampled_from(["a", "b", "B ", "c;a", "", "NA", "none", "*"]),
            st.integers(0, 9).map(str),
            st.floats(0, 50).map(lambda x: f"{x:.3f}"),
            st.sampled_from(["2016-05-01", "2016-05-02", "<5", "30-40", "90+"]),
        ),
        min_size=1,
        max_size=60,
    ),
    st.integers(2, 6),
    st.booleans(),
)
def test_any_column_has_only_shared_values(texts: list[str], k: int, several: bool) -> None:
    subjects = column_of([str(i // 2) for i in range(len(texts))]) if several else None
    people = people_of(subjects, len(texts))
    found = share_values(column_of(texts), "", people, k)
    if isinstance(found, str):
        assert found == FREE_TEXT or "share any value" in found
        return
    column: Column = found.column
    assert people.count(column.codes.astype(np.int64), len(column.values)).min() >= k
    assert len(column.codes) == len(texts)
    again = hide_rare(column, people, k)
    assert again.texts() == column.texts()


def released(disease: list[str], **more: list[str]) -> Anonymised:
    count = len(disease)
    table = table_of({"age": [str(20 + i * 7 % 60) for i in range(count)], "disease": disease, **more})
    return anonymise(table, Roles(("age",), ("disease",)), Limits(K, 2))


def test_figures_describe_the_published_values() -> None:
    glucose = [f"{x:.4f}" for x in np.random.default_rng(7).normal(5.4, 0.8, 200)]
    done = released(glucose)
    assert not set(done.table["disease"].values) & set(glucose)
    assert done.after == measure(done.table, done.roles)
    assert done.after.distinct_l["disease"] >= 2
    # Intervals are numbers in an order, so neighbours are near.
    assert read_sensitive(done.table["disease"]).positions is not None


def test_suppressed_rows_do_not_leave_rare_values() -> None:
    dice = np.random.default_rng(8)
    for _ in range(20):
        disease = dice.choice(["flu", "gout", "IBD", "CKD"], 60, p=[0.6, 0.2, 0.12, 0.08]).tolist()
        done = released(disease)
        counts = Counter(done.table["disease"].texts()) if "disease" in done.table.columns else {"": K}
        assert min(counts.values()) >= K
        assert done.hidden.get("disease", 0) == counts.get("*", 0)


def test_sensitive_free_text_is_left_out_and_has_no_limit() -> None:
    done = released([f"said number {i} was not so good today" for i in range(60)])
    assert [(one.title, one.why) for one in done.left_out] == [("disease", FREE_TEXT)]
    assert (list(done.table.columns), done.roles.sensitive) == (["age"], ())


def test_kept_sensitive_column_is_published_as_it_is() -> None:
    disease = ["Fabry disease", *["flu", "none"] * 30]
    table = table_of({"age": [str(20 + i % 30) for i in range(61)], "disease": disease})
    done = anonymise(table, Roles(("age",), ("disease",)), Limits(K, max_suppression=0), keep=["disease"])
    assert Counter(done.table["disease"].texts()) == Counter(disease)


@pytest.mark.parametrize("rare", ["Nextseq 9", "kit of 1999", "zeta"])
def test_rare_values_of_public_columns_are_hidden(rare: str) -> None:
    done = released(["flu", "gout"] * 60, sequencing_platform=[rare, *["Illumina"] * 119])
    assert isinstance(done.table, Table)
    assert rare not in done.table["sequencing_platform"].values
    assert done.hidden == {"sequencing_platform": Counter(done.table["sequencing_platform"].texts())["*"]}
    assert done.singled_out.alone == 0
