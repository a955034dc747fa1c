"""The YAML writer: a parser reads back what was written, and people find it readable."""

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from edge.typed import explained, shared
from edge.yaml import to_yaml

# Letters that spell numbers, booleans and dates, and every character that means something in YAML.
TEXT = st.text("aelnortuxy019. :#-'\"%{}[],&*!|>@`?~=<\\/é")
AMBIGUOUS = ["yes", "No", "null", "~", "0x1F", "1e3", "12:30", "2026-01-01", "30s", "a: b", "# a", "- a", "_", "/"]
SCALARS = st.one_of(st.booleans(), st.none(), st.integers(), st.just(20.5), TEXT, st.sampled_from(AMBIGUOUS))
CONFIGS = st.recursive(
    st.dictionaries(TEXT, SCALARS, max_size=3),
    lambda inner: st.dictionaries(TEXT, inner | SCALARS | st.lists(inner | SCALARS, max_size=3), max_size=3),
    max_leaves=8,
)


@given(CONFIGS)
def test_parser_reads_back_what_was_written(config: dict[str, Any]) -> None:
    assert yaml.safe_load(to_yaml({"config": config})) == {"config": config}


@pytest.mark.parametrize("text", ["a\n  b\n\nc\n", "a\nb", "a: b\n# no comment\n"])
def test_several_lines_become_a_literal_block(text: str) -> None:
    written = to_yaml({"a": [{"script": text}]})
    assert "script: |" in written
    assert yaml.safe_load(written) == {"a": [{"script": text}]}


def test_comment_is_written_above_the_value_that_it_explains() -> None:
    written = to_yaml({"a": explained("First.", {"b": 1}), "c": [explained("Second.", {"d": 2})]}, "Whole.")
    assert written == "# Whole.\n# First.\na:\n  b: 1\nc:\n# Second.\n- d: 2\n"


def test_shared_part_is_written_once() -> None:
    part = shared("part", {"b": 1}, "Why.")
    written = to_yaml({"a": part, "c": [part, {"d": part}]})
    assert written == "# Why.\na: &part\n  b: 1\nc:\n- *part\n- d: *part\n"
    assert yaml.safe_load(written) == {"a": part, "c": [part, {"d": part}]}


def test_different_parts_cannot_share_an_anchor() -> None:
    with pytest.raises(ValueError, match="anchor part"):
        to_yaml({"a": shared("part", {"b": 1}), "c": shared("part", {"b": 2})})
