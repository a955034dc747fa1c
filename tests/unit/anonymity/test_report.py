"""A report describes what was done to a table, in figures that can be recomputed."""

import re
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from fairdatabase.anonymity.model.table import table_of
from fairdatabase.anonymity.reports.plot import plot_sizes
from fairdatabase.anonymity.reports.report import as_markdown, report
from fairdatabase.anonymity.risk.limits import Limits
from fairdatabase.anonymity.risk.risk import Roles
from fairdatabase.anonymity.search.anonymise import Method, anonymise

# Five rows of age 30 stay; six others become one class, 40 to 45.
TABLE = table_of({"age": ["30"] * 5 + ["40", "41", "42", "43", "44", "45"], "ill": ["a", "b"] * 5 + ["a"]})
ROLES, LIMITS = Roles(("age",), ("ill",)), Limits(5, 2, max_suppression=0)
LIMITS_OF_K = Limits(5)


def test_figures_match_the_table() -> None:
    found = report(anonymise(TABLE, ROLES, LIMITS), ROLES, LIMITS)
    (age,) = found["columns"]
    assert (age["values"], age["unchanged"], age["nothing_left"]) == (2, pytest.approx(5 / 11, abs=1e-6), 0)
    assert sorted(age["examples"]) == ["30", "40-50"]
    # Six of eleven rows lose 10 of the 20 years between 30 and 50.
    assert found["loss"]["ncp"] == round(6 / 11 / 2, 2)
    assert (found["loss"]["discernibility_before"], found["loss"]["discernibility"]) == (25 + 6, 25 + 36)
    assert (found["before"]["k"], found["after"]["k"]) == (1, 5)


def test_markdown_in_a_table_is_escaped() -> None:
    values = ["x|y", "*a*", "_b_", "`c`", "<b>", "# h", "- i", "[l](u)", "a\\|b", "&lt;", "1. one", "l\nm", "~~s~~"]
    title = "#a_b|`c`\n<i>"
    table = table_of({title: values * 5, "- k": ["1"] * 65})
    roles = Roles((title,))
    done = anonymise(table, roles, Limits(5), drop=["- k"])
    content = report(done, roles, Limits(5))
    text = as_markdown(content, "_t_.csv", "my plot (1).svg")
    (line,) = [line for line in text.splitlines() if line.startswith("| \\#a\\_b")]
    cells = [cell.strip() for cell in re.split(r"(?<!\\)(?:\\\\)*\|", line)]
    assert len(cells) == 10
    assert cells[1] == r"\#a\_b\|\`c\` \<i\>"
    shown = re.sub(r"\\(.)", r"\1", cells[8])
    assert shown == ", ".join(" ".join(value.split()) for value in content["columns"][0]["examples"])
    assert not re.search(r"(?<!\\)[`*_<>\[\]|~&#]", cells[8].replace(r"\\", ""))
    assert "# Anonymisation of \\_t\\_.csv" in text
    assert "(my%20plot%20%281%29.svg)" in text
    assert "Not published: \\- k." in text


def test_plot_shows_people_by_class_size() -> None:
    picture = plot_sizes(np.repeat([1, 1, 1, 7], [1, 1, 1, 7]), np.full(10, 10), 5)
    root = ET.fromstring(picture)
    titles = [title.text for title in root.iter("{http://www.w3.org/2000/svg}title")]
    assert "before: 3 people in classes of 1" in titles
    assert "before: 7 people in classes of 5-9" in titles
    assert "after: 10 people in classes of 10-19" in titles
    assert "k = 5" in picture


@pytest.mark.parametrize("k", [1, 2, 3, 1000])
def test_plot_counts_every_class_size(k: int) -> None:
    sizes = [1, 2, 3, 4, 5, 1000]
    plot = plot_sizes(np.repeat(sizes, sizes), np.full(1015, 1015), k)
    assert sum(map(int, re.findall(r"before: (\d+) pe", plot))) == 1015
    assert sum(map(int, re.findall(r"after: (\d+) pe", plot))) == 1015


def test_plot_counts_a_person_with_several_rows_once() -> None:
    ages = ["30", "40", "50", "60", "70", "80"]
    table = table_of({"age": [*ages, "30"], "who": ["p", "p", "p", "q", "q", "q", ""]})
    roles = Roles(("age",), (), "who")
    done = anonymise(table, roles, Limits(2, max_suppression=0))
    assert (done.sizes_before.tolist(), done.sizes_after.tolist()) == ([1, 1], [2, 2])


@pytest.mark.parametrize(
    ("method", "most", "oldest"),
    [
        ("full", 0.0, [("92", "HIV"), ("93", "flu"), ("93.0", "cold")]),
        ("full", 0.02, [("-3", "HIV"), ("93", "flu"), ("97.25", "cold"), ("1e6", "cold")]),
        ("local", 0.02, [("-300", "HIV"), ("930", "flu"), ("97000", "cold"), ("1e6", "cold")]),
    ],
)
def test_report_reveals_nothing_about_an_outlier(method: Method, most: float, oldest: list[tuple[str, str]]) -> None:
    # Report and table are the same, whichever of these people is the oldest.
    dice = np.random.default_rng(1)
    ages = dice.integers(20, 61, 400).astype(str).tolist()
    ills = dice.choice(["flu"] * 5 + ["cold"] * 3 + ["HIV"] * 2, 400).tolist()
    limits, results = Limits(5, max_suppression=most), []
    for age, ill in oldest:
        done = anonymise(table_of({"age": [*ages, age], "ill": [*ills, ill]}), ROLES, limits, method=method)
        content = report(done, ROLES, limits)
        assert (content["rows"]["suppressed"] > 0) == (most > 0)
        del content["columns"][0]["examples"]
        if not most:
            # The oldest person's published row counts in these figures.
            del content["after"], content["kept_columns"]
        results.append((content, sorted(done.table["age"].texts())))
    assert all(each == results[0] for each in results)


def test_loss_of_a_number_is_that_of_the_written_range() -> None:
    dice = np.random.default_rng(2)
    table = table_of({"age": [*dice.integers(20, 61, 300).astype(str).tolist(), "92"]})
    roles, limits = Roles(("age",)), Limits(5, max_suppression=0)
    done = anonymise(table, roles, limits, method="local")
    ends = [list(map(int, text.split("-"))) for text in done.table["age"].texts()]
    span = max(end[-1] for end in ends) - min(end[0] for end in ends)
    assert max(end[-1] for end in ends) == 95
    lost = sum(end[-1] - end[0] for end in ends) / span / 301
    assert report(done, roles, limits)["loss"]["ncp"] == float(f"{lost:.2g}")


def test_report_omits_t_and_entropy_l_before() -> None:
    content = report(anonymise(TABLE, ROLES, LIMITS), ROLES, LIMITS)
    assert {"t", "entropy_l"}.isdisjoint(content["before"])
    assert (content["before"]["distinct_l"], set(content["after"]["t"])) == ({"ill": 1}, {"ill"})
    text = as_markdown(content, "t.csv")
    assert re.search(r"\| distinct l of ill \| 1 \| 2 \|", text)
    assert re.search(r"\| t of ill \| \\?- \| 0\.\d+ \|", text)


def test_rare_values_that_a_class_reveals_are_reported() -> None:
    limits, missing = Limits(5, max_suppression=0), "'*' in 'age' reveals that somebody in the class has no value"
    for times, is_rare in ((1, True), (5, False)):
        table = table_of({"age": [str(20 + i % 40) for i in range(200)] + [""] * times})
        found = report(anonymise(table, Roles(("age",)), limits, method="local"), Roles(("age",)), limits)["warnings"]
        assert any(missing in warning for warning in found) == is_rare


@pytest.mark.parametrize("method", ["local", "cluster", "least", "full"])
@pytest.mark.parametrize("rare", [["Sami"], ["vegan", "paleo", "keto"], ["leprosy"] * 4, ["x y z"], ["other or none"]])
def test_no_set_names_a_rare_category(rare: list[str], method: Method) -> None:
    texts = [text for text in ("flu", "cold", "mumps") for _ in range(9)] + rare
    table = table_of({"c": texts, "age": [str(20 + i) for i in range(len(texts))]})
    done = anonymise(table, Roles(("c", "age")), Limits(5, max_suppression=0), method=method)
    assert not any(text in written for text in rare for written in done.table["c"].values)
    assert done.after.k >= 5
    assert report(done, done.roles, Limits(5))["loss"]["ncp"] > 0


def test_value_that_was_already_a_star_counts_as_unchanged() -> None:
    table = table_of({"age": ["*"] * 9 + ["a"] * 9})
    roles = Roles(("age",))
    (age,) = report(anonymise(table, roles, LIMITS_OF_K), roles, LIMITS_OF_K)["columns"]
    assert (age["nothing_left"], age["unchanged"]) == (0, 1)


def test_column_without_any_detail_left_is_reported() -> None:
    table = table_of({"age": ["30", "40", "50", "70"], "": ["a", "b", "c", "d"], "kit": ["x"] * 4})
    roles, limits = Roles(("age", "", "kit")), Limits(4, max_suppression=0)
    content = report(anonymise(table, roles, limits, method="local"), roles, limits)
    # A range or a set that covers all values reveals no more than "*".
    assert "Nothing is left of 'age', '': drop the columns to keep more of the others." in content["warnings"]
    assert "| '' | categories |" in as_markdown(content, "t.csv")
