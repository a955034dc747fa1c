"""The filter language: what it accepts and rejects, and that errors do not quote the text."""

import re
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairdatabase.filters.language import LONGEST_TEXT, Comparison, FilterError, parse, render
from fairdb.samples.v1.sample_pb2 import Sample

ID = "0190a000-0000-7000-8000-000000000001"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ()),
        ("  \n ", ()),
        ('organism = "E. coli"', (Comparison("organism", "=", "E. coli"),)),
        ('organism="E. coli"', (Comparison("organism", "=", "E. coli"),)),
        ("taxonId<=562", (Comparison("taxonId", "<=", 562.0),)),
        ("metadata.age >= -1.5e2", (Comparison("metadata.age", ">=", -150.0),)),
        ("metadata.host-age != 3", (Comparison("metadata.host-age", "!=", 3.0),)),
        ('metadata."host age" = true', (Comparison("metadata.host age", "=", True),)),
        (r'metadata."a\"b\\c" = "d\"e\\f"', (Comparison('metadata.a"b\\c', "=", 'd"e\\f'),)),
        ('metadata.x = "true"', (Comparison("metadata.x", "=", "true"),)),
        ('metadata.x = " AND organism = "', (Comparison("metadata.x", "=", " AND organism = "),)),
        ("state = INDEXED", (Comparison("state", "=", Sample.STATE_INDEXED),)),
        ('state != "STATE_QUARANTINED"', (Comparison("state", "!=", Sample.STATE_QUARANTINED),)),
        (f'owner = "{ID}"', (Comparison("owner", "=", UUID(ID)),)),
        (
            'createTime > "2026-01-31T12:00:00.123456789+01:00"',
            (Comparison("createTime", ">", datetime(2026, 1, 31, 11, 0, 0, 123456, UTC)),),
        ),
        (
            "createTime < 2026-01-31T12:00:00Z",
            (Comparison("createTime", "<", datetime(2026, 1, 31, 12, tzinfo=UTC)),),
        ),
        (
            'organism = "a" AND taxonId = 1',
            (Comparison("organism", "=", "a"), Comparison("taxonId", "=", 1.0)),
        ),
    ],
)
def test_valid_filter_is_parsed(text: str, expected: tuple[Comparison, ...]) -> None:
    assert parse(text) == expected


@pytest.mark.parametrize(
    ("text", "position", "expected"),
    [
        ("age = 3", 1, "a field: organism"),
        ("organism.x = 3", 1, "a field: organism"),
        ("metadata. = 3", 10, "the name of a metadata field"),
        ('metadata."" = 3', 10, "the name of a metadata field"),
        ("NOT state = INDEXED", 1, "NOT and parentheses are not supported"),
        ("(state = INDEXED)", 1, "NOT and parentheses are not supported"),
        ("-state = INDEXED", 1, "NOT and parentheses are not supported"),
        ("taxonId = 1 OR taxonId = 2", 13, "OR is not supported"),
        ("taxonId = 1 and taxonId = 2", 13, "AND, in upper case"),
        ("taxonId = 1 taxonId = 2", 13, "AND, in upper case"),
        ("taxonId = 1 AND", 16, "a comparison after AND"),
        ("taxonId", 8, "one of = != < <= > >="),
        ('organism : "a"', 10, "one of = !="),
        ("state > STORED", 7, "one of = !="),
        (f'owner < "{ID}"', 7, "one of = !="),
        ("organism = coli", 12, "a string in double quotes"),
        ("organism = 'coli'", 12, "a string in double quotes"),
        ('organism = "coli', 12, "a string in double quotes"),
        (r'organism = "co\li"', 12, "a string in double quotes"),
        ('taxonId = "562"', 11, "a number"),
        ("taxonId = nan", 11, "a number"),
        ("taxonId = 1e999", 11, "a number"),
        ("metadata.x = coli", 14, "a string in double quotes, a number, true or false"),
        ("metadata.x < true", 14, "booleans have no order"),
        ("state = GONE", 9, "one of STORED, INDEXED"),
        ("state = UNSPECIFIED", 9, "one of STORED, INDEXED"),
        ('owner = "me"', 9, "a UUID"),
        ("createTime > 2026-01-31", 14, "an RFC 3339 time"),
        ("createTime > 2026-02-31T00:00:00Z", 14, "an RFC 3339 time"),
        ("createTime > 0001-01-01T00:00:00+23:59", 14, "an RFC 3339 time"),
        ('organism = "a\0b"', 14, "no NUL character"),
        (f'organism = "{"x" * (LONGEST_TEXT + 1)}"', 12, f"a string of at most {LONGEST_TEXT} characters"),
        (" AND ".join(["taxonId = 1"] * 11), 161, "at most 10 comparisons"),
    ],
)
def test_error_names_position_and_expectation(text: str, position: int, expected: str) -> None:
    with pytest.raises(FilterError) as error:
        parse(text)
    assert str(error.value).startswith(f"at character {position}: expected ")
    assert expected in str(error.value)


def test_ten_comparisons_and_the_longest_text_are_accepted() -> None:
    assert len(parse(" AND ".join(["taxonId = 1"] * 10))) == 10
    assert parse(f'organism = "{"x" * LONGEST_TEXT}"')[0].value == "x" * LONGEST_TEXT


TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=30)
NAME = TEXT.filter(bool)
FINITE = st.floats(allow_nan=False, allow_infinity=False)
TIME = st.datetimes(timezones=st.just(UTC), min_value=datetime(1000, 1, 1))  # noqa: DTZ001 - hypothesis takes the bound without a zone
COMPARISON = st.one_of(
    st.builds(
        Comparison, st.sampled_from(["organism", "collectionDate"]), st.sampled_from(["=", "!=", "<", ">="]), TEXT
    ),
    st.builds(Comparison, st.just("taxonId"), st.sampled_from(["=", "<=", ">"]), FINITE),
    st.builds(Comparison, NAME.map("metadata.{}".format), st.sampled_from(["=", "!="]), TEXT | FINITE | st.booleans()),
    st.builds(Comparison, st.sampled_from(["owner", "study"]), st.sampled_from(["=", "!="]), st.uuids()),
    st.builds(Comparison, st.just("createTime"), st.sampled_from(["<", ">"]), TIME),
)


def quote(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def write(comparison: Comparison) -> str:
    value = comparison.value
    match value:
        case bool():
            text = str(value).lower()
        case float():
            text = repr(value)
        case datetime():
            text = value.isoformat()
        case _:
            text = quote(str(value))
    head, dot, name = comparison.field.partition(".")
    return f"{head}{dot}{quote(name) if dot else ''} {comparison.operator} {text}"


@settings(deadline=None)
@given(st.lists(COMPARISON, max_size=10))
def test_written_filter_is_parsed_back(comparisons: list[Comparison]) -> None:
    assert parse(" AND ".join(map(write, comparisons))) == tuple(comparisons)


FRAGMENTS = st.lists(
    st.sampled_from(
        [
            "organism",
            "metadata.",
            "metadata.x",
            "state",
            "createTime",
            "taxonId",
            "=",
            "!=",
            "<",
            '"',
            "\\",
            "AND",
            "OR",
            "1",
        ]
    )
    | st.text(max_size=5)
).map(" ".join)


@settings(deadline=None)
@given(st.text(max_size=60) | FRAGMENTS)
def test_any_text_parses_or_raises_filter_error(text: str) -> None:
    try:
        parse(text)
    except FilterError as error:
        found = re.match(r"at character (\d+): expected ", str(error))
        assert found is not None
        assert 1 <= int(found[1]) <= len(text) + 1


@settings(deadline=None)
@given(st.text(st.characters(min_codepoint=0x4E00, max_codepoint=0x9FFF), min_size=1, max_size=20), st.integers(0, 30))
def test_error_does_not_quote_the_text(secret: str, cut: int) -> None:
    text = f'organism = {secret} AND metadata."{secret}" = "{secret}'[cut:]
    with pytest.raises(FilterError) as error:
        parse(text)
    assert not set(secret) & set(str(error.value))


TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)), max_size=20)
NAMES = st.one_of(st.just("organism"), TEXTS.filter(bool).map("metadata.{}".format))


@given(st.lists(st.builds(Comparison, NAMES, st.just("="), TEXTS), max_size=5))
def test_rendered_comparisons_of_text_are_read_again(comparisons: list[Comparison]) -> None:
    assert parse(render(comparisons)) == tuple(comparisons)


@pytest.mark.parametrize(
    "text",
    [
        "taxonId >= 562.0",
        "metadata.ph < -1e-07",
        "metadata.smoker != true",
        "state = STATE_INDEXED",
        'owner = "0195d3c0-0000-7000-8000-000000000000"',
        'createTime > "2026-01-31T12:00:00+00:00"',
        'metadata."host site" = "left \\"hand\\""',
    ],
)
def test_rendered_comparison_of_each_type_is_read_again(text: str) -> None:
    assert render(parse(text)) == text.replace('"2026-01-31T12:00:00+00:00"', "2026-01-31T12:00:00+00:00")
