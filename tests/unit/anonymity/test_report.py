"""A report says what was done to a table, in figures that can be counted again."""

import re
from xml.etree import ElementTree

import numpy as np
import pytest

from anonymity.anonymise import anonymise
from anonymity.limits import Limits
from anonymity.plot import plot_sizes
from anonymity.report import as_markdown, report
from anonymity.risk import Roles
from anonymity.table import table_of

# Five of 30 stay; six others become one class of 40 to 45.
TABLE = table_of({"age": ["30"] * 5 + ["40", "41", "42", "43", "44", "45"], "ill": ["a", "b"] * 5 + ["a"]})
ROLES, LIMITS = Roles(("age",), ("ill",)), Limits(5, 2, max_suppression=0)


def test_the_figures_are_those_of_the_table() -> None:
    found = report(anonymise(TABLE, ROLES, LIMITS), ROLES, LIMITS)
    (age,) = found["columns"]
    assert (age["values"], age["unchanged"], age["nothing_left"]) == (2, pytest.approx(5 / 11, abs=1e-6), 0)
    assert sorted(age["examples"]) == ["30", "40-45"]
    # Six of eleven rows lose 5 of the 15 years from 30 to 45.
    assert found["loss"]["ncp"] == pytest.approx(6 / 11 / 3, abs=1e-6)
    assert (found["loss"]["discernibility_before"], found["loss"]["discernibility"]) == (25 + 6, 25 + 36)
    assert (found["before"]["k"], found["after"]["k"]) == (1, 5)


def test_nothing_in_a_table_is_read_as_markdown() -> None:
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
    assert "Dropped: \\- k." in text


def test_the_plot_shows_how_many_people_live_in_classes_of_which_size() -> None:
    picture = plot_sizes(np.array([1, 1, 1, 7]), np.array([10]), 5)
    root = ElementTree.fromstring(picture)
    told = [title.text for title in root.iter("{http://www.w3.org/2000/svg}title")]
    assert "before: 3 people in classes of 1" in told
    assert "before: 7 people in classes of 5-9" in told
    assert "after: 10 people in classes of 10-19" in told
    assert "k = 5" in picture


@pytest.mark.parametrize("k", [1, 2, 3, 1000])
def test_every_size_has_its_bin(k: int) -> None:
    told = plot_sizes(np.array([1, 2, 3, 4, 5, 1000]), np.array([1015]), k)
    assert sum(map(int, re.findall(r"before: (\d+) pe", told))) == 1015
    assert sum(map(int, re.findall(r"after: (\d+) pe", told))) == 1015
