"""Values are generalised to readable, nested groups, inferred from the values or given by a file."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairdatabase.anonymity.hierarchies.domains import domain_of
from fairdatabase.anonymity.hierarchies.inferred_hierarchies import infer_hierarchy
from fairdatabase.anonymity.hierarchies.trees import narrowed, read_tree
from fairdatabase.anonymity.model.hierarchy import Hierarchy
from fairdatabase.anonymity.model.table import column_of
from fairdatabase.sheets.errors import BadTable


def paths(values: list[str], hierarchy: Hierarchy | None = None) -> dict[str, list[str]]:
    """Return the generalisation of each value at each level."""
    levels = (hierarchy or infer_hierarchy(values)).levels
    return {value: [level.labels[int(level.nodes[i])] for level in levels[1:]] for i, value in enumerate(values)}


def test_missing_values_stay_separate_below_the_top() -> None:
    found = paths([*map(str, range(20, 81)), "", "NA"])
    assert found["29"] == ["25-30", "20-30", "20-40", "0-40", "*"]
    assert found["NA"] == ["NA", "NA", "NA", "NA", "*"]


@pytest.mark.parametrize(
    ("values", "value", "expected"),
    [
        ([*map(str, range(0, 101, 4))], "28", ["25-30", "20-30", "20-40", "0-40", "0-80", "*"]),
        (["18.5", "20.1", "22.4", "23.7", "43"], "23.7", ["23.5-24", "23-24", "22-24", "20-24", "16-24", "16-32", "*"]),
        (["-7", "3", "50"], "-7", ["-10 to -5", "-10 to 0", "-20 to 0", "-40 to 0", "*"]),
        (["2016-05-31", "2016-05-02", "2014-01-01"], "2016-05-31", ["2016-05", "2016", "2015-2019", "2010-2019", "*"]),
        (["2016-05-31T10:00", "2016-05-31T11:30", "2009-01-01T00:00"], "2016-05-31T10:00",
         ["2016-05-31", "2016-05", "2016", "2015-2019", "2010-2019", "*"]),
        (["2016-05", "2016-06", ""], "2016-05", ["2016", "2015-2019", "2010-2019", "*"]),
        (["41.2 N 8.6 W", "41.9 N 8.1 W", "36 S 174 E"], "41.2 N 8.6 W",
         ["41-42 N 8-9 W", "40-45 N 5-10 W", "40-50 N 0-10 W", "30-60 N 0-30 W", "0-90 N 0-90 W", "*"]),
        (["USA:Colorado:Boulder", "USA:Utah", "Fiji"], "USA:Colorado:Boulder", ["USA:Colorado", "USA", "*"]),
        (["01234", "01299", "98765"], "01234", ["0123*", "012**", "01***", "0****", "*"]),
        (["flu", "cold"], "flu", ["*"]),
        (["NCIT:C1", "NCIT:C22"], "NCIT:C1", ["*"]),
        (["NA:Omaheke", "NA:Erongo", "Fiji:Suva", "NA"], "NA:Erongo", ["*"]),
        (["5", "5.0"], "5", ["*"]),
    ],
)  # fmt: skip
def test_hierarchy_is_inferred_from_values(values: list[str], value: str, expected: list[str]) -> None:
    assert paths(values)[value] == expected


def test_number_that_is_far_too_large_is_treated_like_text() -> None:
    column = column_of(["5", "7", "9" * 400])
    domain = domain_of(column, infer_hierarchy(column.values))
    assert [domain.label(sorted(domain.ranks[[i, j]].tolist())) for i, j in ((0, 1), (0, 2))] == ["5-10", "*"]


@given(st.lists(st.integers(-500, 500).map(str) | st.decimals(-50, 50, places=2).map(str), min_size=1, unique=True))
def test_bands_are_nested_contain_their_numbers_and_lose_more_per_level(values: list[str]) -> None:
    levels = infer_hierarchy(values).levels
    for lower, higher in pairwise(levels):
        assert len({(a, b) for a, b in zip(lower.nodes, higher.nodes, strict=True)}) == len(set(lower.nodes.tolist()))
        assert (lower.losses <= higher.losses + 1e-12).all()
    for level in levels[1:-1]:
        for value, node in zip(values, level.nodes.tolist(), strict=True):
            label = level.labels[node]
            low, high = map(float, label.split(" to ") if " to " in label else label.split("-"))
            assert low <= float(value) <= high


@given(st.lists(st.integers(0, 40).map(str) | st.sampled_from(["", "NA"]), min_size=1, max_size=30))
def test_group_of_numbers_is_described_by_its_range(texts: list[str]) -> None:
    column = column_of(texts)
    if not any(text.isdigit() for text in texts):
        return
    hierarchy = infer_hierarchy(column.values)
    assert hierarchy.line is not None
    domain, step = domain_of(column, hierarchy), int(hierarchy.line.step)
    present = sorted(set(domain.ranks.tolist()))
    numbers = sorted({int(text) for text in texts if text.isdigit()})
    words = set(texts) - set(map(str, numbers))
    label = domain.label(present)
    if len(present) == 1:
        assert label == texts[0]
    elif words:
        assert label == "*"
    else:
        assert label == f"{numbers[0] // step * step}-{numbers[-1] // step * step + step}"


@given(
    st.lists(
        st.tuples(st.sampled_from("AB"), st.sampled_from("ab"), st.sampled_from("12")).map(":".join),
        min_size=2, unique=True,
    ),
    st.data(),
)  # fmt: skip
def test_group_of_leaves_is_described_by_their_common_ancestor(leaves: list[str], data: st.DataObject) -> None:
    column = column_of(leaves)
    hierarchy = infer_hierarchy(leaves)
    if hierarchy.kind != "places":
        return
    domain = domain_of(column, hierarchy)
    group = data.draw(st.lists(st.sampled_from(leaves), min_size=1, unique=True))
    ranks = sorted(int(domain.ranks[leaves.index(leaf)]) for leaf in group)
    common = group[0]
    while not all((leaf + ":").startswith(common + ":") for leaf in group) and common:
        common = common.rpartition(":")[0]
    assert domain.label(ranks) == (common or "*")
    below = [leaf for leaf in leaves if (leaf + ":").startswith(common + ":")] if common else leaves
    low, high = np.array(ranks[:1], np.int32), np.array(ranks[-1:], np.int32)
    share = 0 if len(below) == 1 else len(below) / len(leaves) if common else 1
    assert domain.loss(low, high).tolist() == pytest.approx([share])


TREE = """\
Netherlands,Western Europe,Europe
Belgium,Western Europe,Europe
Spain,Southern Europe,Europe
Fiji,Melanesia,Oceania
"""


@pytest.mark.parametrize(
    "text", [TREE, "country,region,continent\n" + TREE, TREE.replace(",", ";"), TREE.replace(",", "\t")]
)
def test_hierarchy_is_read_from_a_file(tmp_path: Path, text: str) -> None:
    file = tmp_path / "tree.csv"
    file.write_text("\ufeff" + text, encoding="utf-8")
    values = ["Belgium", "Spain", "Netherlands", "Fiji", ""]
    hierarchy = read_tree(file, "country", values)
    assert paths(values, hierarchy)["Spain"] == ["Southern Europe", "Europe", "*"]
    assert paths(values, hierarchy)[""] == ["", "", "*"]
    # Europe covers three of five values. Oceania covers one, and loses nothing.
    assert dict(zip(values, hierarchy.levels[2].losses.tolist(), strict=True)) == {
        "Belgium": 0.6, "Spain": 0.6, "Netherlands": 0.6, "Fiji": 0.0, "": 0.0,
    }  # fmt: skip


def test_outer_spaces_and_missing_values_need_no_line_in_the_file(tmp_path: Path) -> None:
    file = tmp_path / "tree.csv"
    file.write_text("Fiji , Oceania\nSpain,Europe\n")
    values = [" Fiji", "Fiji", "Spain", "NA", "not provided"]
    assert paths(values, read_tree(file, "country", values)) == {
        " Fiji": ["Oceania", "*"], "Fiji": ["Oceania", "*"], "Spain": ["Europe", "*"],
        "NA": ["NA", "*"], "not provided": ["not provided", "*"],
    }  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        '"Congo; Dem. Rep.",Africa\nFiji,Oceania\n',
        '"Congo; Dem. Rep.";"Africa"\nFiji;Oceania\n',
        "Congo; Dem. Rep.\tAfrica\r\nFiji\tOceania\r\n",
    ],
)
def test_quoted_delimiter_separates_nothing_in_a_hierarchy_file(tmp_path: Path, text: str) -> None:
    file = tmp_path / "tree.csv"
    file.write_bytes(text.encode())
    values = ["Congo; Dem. Rep.", "Fiji"]
    assert paths(values, read_tree(file, "country", values)) == {values[0]: ["Africa", "*"], "Fiji": ["Oceania", "*"]}


@pytest.mark.parametrize("mark", ["\u2028", "\x0b", "\x85"])
def test_lines_of_a_hierarchy_file_end_as_in_a_table(tmp_path: Path, mark: str) -> None:
    file = tmp_path / "tree.csv"
    file.write_text(f"a{mark}b,X\nc,Y\n", encoding="utf-8")
    values = [f"a{mark}b", "c"]
    assert paths(values, read_tree(file, "x", values)) == {values[0]: ["X", "*"], "c": ["Y", "*"]}


def test_missing_value_is_not_a_name_in_a_hierarchy(tmp_path: Path) -> None:
    # Otherwise Canada would be published like a missing value.
    file = tmp_path / "tree.csv"
    file.write_text("Canada,NA\nUSA,NA\nPeru,SA\n")
    with pytest.raises(BadTable, match="'NA' is a missing value in column 'country' and also a name in the hierarchy"):
        read_tree(file, "country", ["Canada", "USA", "Peru", "NA"])
    assert read_tree(file, "country", ["Canada", "USA", "Peru", "unknown"]).steps


def test_hierarchy_of_some_values_ignores_the_others(tmp_path: Path) -> None:
    file = tmp_path / "tree.csv"
    file.write_text(TREE)
    values = ["Belgium", "Spain", "Netherlands", "Fiji"]
    some = narrowed(read_tree(file, "country", values), ["Spain", "Belgium"])
    assert paths(["Spain", "Belgium"], some)["Spain"] == ["Southern Europe", "Europe", "*"]
    assert [level.losses.tolist() for level in some.levels] == [[0, 0], [0, 0], [1, 1], [1, 1]]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "contains no hierarchy"),
        ("Belgium,Europe\nFiji,X\0\n", "line 2, column 2: a NUL byte"),
        ("Belgium;Europe\nFiji;\udce9\n", "line 2, column 2: not UTF-8"),
        (
            "Belgium,Fiji\nFiji,Belgium\n",
            "line 1, column 1: .*'Belgium' belongs to 'Fiji' here, but is itself a group on level 1",
        ),
        ("Belgium,Fiji,Earth\nFiji,Oceania,Earth\n", "line 2, column 1: .*'Fiji' belongs to 'Oceania' here"),
        ("Belgium,,Earth\nFiji,Oceania,Earth\n", "line 1, column 2: .*the name of this level is missing"),
        ("Belgium,Europe\nFiji\n", "line 2, column 2: .*1 level, but the first line has 2"),
        (
            "Belgium,Europe\nFiji,Oceania\nBelgium,Oceania\n",
            "line 3, column 2: .*'Belgium' belongs to 'Oceania' here, but to 'Europe'",
        ),
        (
            "Belgium,West,Europe\nFiji,West,Oceania\n",
            "line 2, column 3: .*'West' belongs to 'Oceania' here, but to 'Europe'",
        ),
        ("Belgium,Europe\n", "no line starts with 'Fiji' of column 'country'"),
        ('Belgium,"Europe\n', "line 1, column 2: a quoted cell is not closed"),
        ('Belgium;Europe\n\n"Fi\nji";"X"x\n', "line 3, column 2: text follows the closing quote"),
    ],
)
def test_invalid_hierarchy_file_is_refused(tmp_path: Path, text: str, why: str) -> None:
    file = tmp_path / "tree.csv"
    file.write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(BadTable, match=why) as caught:
        read_tree(file, "country", ["Belgium", "Fiji"])
    assert caught.value.file == file
