"""For any sample: each stored value has a form that its rule permits, and no answer contains an identifier."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cache
from math import isfinite
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairdatabase.policy.records.anonymisation import InvalidSample
from fairdatabase.policy.records.drops import UNKNOWN
from fairdatabase.policy.records.preview import PSEUDONYM, preview
from fairdb.samples.v1.sample_pb2 import RawSample
from fairdb.samples.v1.sample_service_pb2 import FieldPreview
from tests.unit.policy import records
from tests.unit.policy.records import COUNTRIES, GROUP_OF, ONTOLOGIES, VOCABULARY, fold, without_accents
from tests.unit.policy.samples import ANONYMISER, POLICY, anonymised, raw_sample, violations

Group = Mapping[str, Any]
FEW = settings(max_examples=200, deadline=None)
MISSING = frozenset([*VOCABULARY["missing"]["terms"], *(f"missing: {it}" for it in VOCABULARY["missing"]["reasons"])])
BLANKS = frozenset(
    [*(blank.upper() for blank in VOCABULARY["missing"]["blanks"]), "", "-", *VOCABULARY["missing"]["blanks"]]
)
KNOWN = frozenset(
    part
    for text in [*VOCABULARY["words"].values(), *ONTOLOGIES]
    for word in text.lower().split()
    for part in (word, *word.split("-"))
)
ENDINGS = tuple(VOCABULARY["endings"]["medical"].split())
ONTOLOGY_ID = re.compile(rf"(?:{'|'.join(sorted(ONTOLOGIES, key=len, reverse=True))})[:_][A-Z]?\d{{1,8}}")


def is_known(word: str) -> bool:
    low = word.lower()
    return low in KNOWN or low.removesuffix("'s") in KNOWN or (word == low and len(low) > 5 and low.endswith(ENDINGS))


def is_rounded(number: float, digits: int = 3) -> bool:
    return isfinite(number) and float(f"{number:.{digits}g}") == number


def is_listed(value: Any, group: Group) -> bool:
    return value in [stored.split("|")[0] for stored in group["values"]]


def is_phrase(value: Any, group: Group) -> bool:
    if not isinstance(value, str):
        return isinstance(value, bool) or value in range(10_000)
    value = ONTOLOGY_ID.sub("", value)
    if re.search(r"\d{5}|@", value):
        return False
    found = re.findall(r"[^\W\d_]+(?:['’][^\W\d_]+)?", without_accents(value))
    if group["class"] == "sensitive":
        found = [word.lower() for word in found if not word.islower()]
    return all(len(word) == 1 or is_known(word) for word in found)


def is_band(value: Any, group: Group) -> bool:
    width, top, bottom = group["width"], group["top"], group.get("bottom")
    if "read_in" in group:
        assert value.endswith(f" {group['unit']}")
        value = value.removesuffix(f" {group['unit']}")
    if value in [stored.split("|")[0] for stored in group.get("values", ())]:
        return True
    if match := re.fullmatch(r"<(\d+)", value):
        return bottom is not None and bottom <= int(match[1]) <= top and int(match[1]) % width == 0
    match = re.fullmatch(r"(\d+)(?:-(\d+)|\+)", value)
    assert match is not None
    low = int(match[1])
    if match[2] is None:
        return low % width == 0 and low <= top
    return low % width == 0 and int(match[2]) % width == width - 1 and low < int(match[2]) < top


def is_free_of_identifiers(value: Any, group: Group) -> bool:
    capitals = re.findall(r"(?<![^\W\d_])[A-Z][a-z]{2,}", value.replace("[redacted]", ""))
    value = re.sub(r"\d\.\d+", "", value)
    return not re.search(r"@|https?:|www\.|\d{9}|\d{4}-\d\d-\d\d", value) and all(is_known(word) for word in capitals)


def is_year(value: Any, group: Group) -> bool:
    years = [int(year) for year in value.split("/")]
    is_span = re.fullmatch(r"\d{4}(/\d{4})?", value) is not None and years == sorted(set(years))
    return is_span and all(1850 <= year <= datetime.now(UTC).year + 1 for year in years)


def are_measurements(value: Any, group: Group) -> bool:
    parts = value.split(";") if isinstance(value, str) else [value]
    return all(part in BLANKS or is_amount(part) for part in parts)


def is_amount(value: Any) -> bool:
    """Return whether a value is a rounded number or range, with a unit or without."""
    if not isinstance(value, str):
        return is_rounded(value)
    match = re.fullmatch(r"(-?[\d.e+-]+)(?: - (-?[\d.e+-]+))?(?: [A-Za-z/%]{1,8})?", value)
    return match is not None and all(is_rounded(float(number)) for number in match.groups() if number)


def is_occasion(value: Any, group: Group) -> bool:
    if not isinstance(value, str):
        return 0 <= value <= 999
    return len(value) <= 40 and re.search(r"\d{4}|[@/]", value) is None


def is_on_grid(value: Any, group: Group) -> bool:
    return value == int(value) and group["lowest"] <= value <= group["highest"]


def are_coordinates(value: Any, group: Group) -> bool:
    match = re.fullmatch(r"(\d{1,2}) [NS] (\d{1,3}) [EW]", value)
    return match is not None and int(match[1]) <= 90 and int(match[2]) <= 180


def are_ontology_ids(value: Any, group: Group) -> bool:
    return all(ONTOLOGY_ID.fullmatch(part.strip()) for part in re.split(r"[;,|]", value))


def is_organism(value: Any, group: Group) -> bool:
    return re.fullmatch(r"[A-Za-zÀ-ÿ0-9 .,()\[\]'/:;-]{1,200}", value) is not None and not re.search(r"\d{6}", value)


def is_sequence(value: Any, group: Group) -> bool:
    part = r"(?:[A-Za-z]{1,3}[:=] ?)?[ACGTUNRYSWKMBDHVI]{8,60}"
    return re.fullmatch(rf"{part}(?:[;,] ?{part})*", value, re.IGNORECASE) is not None


def is_number(value: Any, group: Group) -> bool:
    bounds = group.get("lowest", -1e15), group.get("highest", 1e15)
    if isinstance(value, str):
        return is_amount(value)
    return is_rounded(value, group.get("digits", 3)) and bounds[0] <= value <= bounds[1]


# Written from the description of each action in policy.toml, independently of the rules.
PERMITTED: dict[str, Callable[[Any, Group], bool]] = {
    "vocabulary": is_listed,
    "common": lambda value, group: value == "other" or is_listed(value, group),
    "term": is_phrase,
    "prefix": lambda value, group: re.fullmatch(rf"[A-Z0-9]{{{group['digits']}}}", value) is not None,
    "pattern": lambda value, group: re.fullmatch(group["pattern"], str(value).removesuffix(".0")) is not None,
    "publication": lambda value, group: re.fullmatch(group["pattern"], str(value).removesuffix(".0")) is not None,
    "study": lambda value, group: re.fullmatch(r"[A-Z][A-Za-z_-]{2,33}_20\d\d\w{0,7}", value) is not None,
    "sequence": is_sequence,
    "number": is_number,
    "measurements": are_measurements,
    "occasion": is_occasion,
    "band": is_band,
    "year": is_year,
    "country": lambda value, group: value in COUNTRIES,
    "grid": is_on_grid,
    "coordinates": are_coordinates,
    "organism": is_organism,
    "text": is_free_of_identifiers,
    "ontology": are_ontology_ids,
}


def group_of(name: str) -> Group:
    if name in GROUP_OF:
        return GROUP_OF[name]
    base = GROUP_OF[name.removesuffix("_ontology_term_id")]
    return {**base, "action": "ontology"}


@FEW
@given(st.one_of(records.realistic, records.metadata), records.well_named)
def test_each_stored_value_is_what_its_rule_permits(metadata: dict[str, Any], named: dict[str, Any]) -> None:
    try:
        sample = anonymised(raw_sample(metadata, **named)).sample
    except InvalidSample:
        return
    for name, stored in sample.metadata.items():
        value, group = getattr(stored, stored.WhichOneof("kind") or ""), group_of(name)
        assert group["class"] != "direct"
        assert value in MISSING or PERMITTED[group["action"]](value, group), (name, value)
    assert sample.collection_date == "" or is_year(sample.collection_date, {})
    assert re.fullmatch(r"(p-[a-z2-7]{26})?", sample.subject)


@FEW
@given(records.metadata, st.one_of(records.named, records.well_named))
def test_no_answer_contains_a_direct_identifier(metadata: dict[str, Any], named: dict[str, Any]) -> None:
    raw = raw_sample(metadata, **named)
    own = [value for key, value in metadata.items() if is_direct(key) and isinstance(value, str)]
    secrets = {fold(value).strip() for value in (*own, named.get("subject", ""))}
    answer = fold(whole_answer(raw))
    leaks = [secret for secret in secrets if len(secret) >= 4 and secret in answer and not is_ordinary(secret)]
    # Exclude values that the advice for some field quotes as examples, because every answer contains them.
    assert [secret for secret in leaks if secret not in fixed_texts()] == []


def test_fixed_texts_contain_no_generated_identifier() -> None:
    assert [identifier for identifier in records.IDENTIFIERS if fold(identifier) in fixed_texts()] == []
    assert "40.01 n 105.27 w" in fixed_texts()


@cache
def fixed_texts() -> str:
    """Return the reasons and advice that a preview may give for any sample, from a bad value for every field."""
    answers = [preview(raw_sample({name: "~"}, collection_date="~", organism="~"), ANONYMISER) for name in GROUP_OF]
    return fold(" ".join(f"{field.reason} {field.advice} {field.action}" for a in answers for field in a.fields))


def is_direct(key: str) -> bool:
    found = POLICY.listed(key)
    return found is not None and group_of(found.name)["class"] == "direct"


def is_ordinary(secret: str) -> bool:
    """Return whether a generated value of a direct field identifies nobody.

    Such a value is a word that messages contain, or the name of an organism, which a sample may have as its label.
    """
    words = {*MISSING, *VOCABULARY["missing"]["blanks"], "homo sapiens", "human gut metagenome", "e. coli"}
    return secret in words or secret == "donor 7" or all(is_known(word) for word in re.findall(r"[^\W\d_]+", secret))


def whole_answer(raw: RawSample) -> str:
    """Return all that is stored of a sample and reported about it, and its preview without field names."""
    answer = preview(raw, ANONYMISER)
    for field in answer.fields:
        field.name = ""
    try:
        result = anonymised(raw)
    except InvalidSample as invalid:
        return f"{texts(answer)} {invalid} {invalid.violations}"
    return f"{texts(answer)} {texts(result.sample)} {result.classes} {result.actions}"


def texts(message: Any) -> str:
    return " ".join(
        texts(item) if hasattr(item, "ListFields") else str(item)
        for _, value in message.ListFields()
        for item in (value.values() if hasattr(value, "values") else value if is_repeated(value) else [value])
    )


def is_repeated(value: Any) -> bool:
    return hasattr(value, "append")


@FEW
@given(records.metadata, st.one_of(records.named, records.well_named))
def test_preview_and_anonymisation_agree(metadata: dict[str, Any], named: dict[str, Any]) -> None:
    raw = raw_sample(metadata, **named)
    answer = preview(raw, ANONYMISER)
    outcomes = {field.name: field.outcome for field in answer.fields}
    assert {f"metadata.{key}" for key in metadata} <= set(outcomes)
    reported = {violation.field: violation.description for violation in answer.violations}
    assert reported == violations(raw)
    if reported:
        return
    result = anonymised(raw)
    assert FieldPreview.OUTCOME_REFUSED not in outcomes.values()
    stored = {field.stored_name: field for field in answer.fields if field.stored_name}
    assert {name for name in stored if name.startswith("metadata.")} == {
        f"metadata.{name}" for name in result.sample.metadata
    }
    for name, value in result.sample.metadata.items():
        assert stored[f"metadata.{name}"].stored_value == value
        assert stored[f"metadata.{name}"].action == result.actions[f"metadata.{name}"]
    assert stored["organism"].stored_value.string_value == result.sample.organism
    assert ("subject" in stored) == bool(result.sample.subject)
    assert "subject" not in stored or stored["subject"].stored_value.string_value == PSEUDONYM
    dropped = [name.removeprefix("metadata.") for name, out in outcomes.items() if out == FieldPreview.OUTCOME_DROPPED]
    assert sorted(dropped) == result.dropped_fields


@FEW
@given(st.one_of(records.realistic, records.metadata), st.one_of(records.named, records.well_named))
def test_unknown_column_does_not_change_the_other_fields(metadata: dict[str, Any], named: dict[str, Any]) -> None:
    plain, other = raw_sample(metadata, **named), raw_sample({**metadata, "zq column": ""}, **named)
    # Check the first sample again, because by then the anonymiser has remembered its names and words.
    assert violations(plain) == violations(other) == violations(plain)
    if violations(plain):
        return
    first, second = anonymised(plain), anonymised(other)
    assert second == first._replace(drop_reasons=first.drop_reasons | {"zq column": UNKNOWN.reason})


@FEW
@given(records.realistic, records.well_named)
def test_what_is_stored_is_stored_unchanged_when_it_is_sent_again(
    metadata: dict[str, Any], named: dict[str, Any]
) -> None:
    try:
        first = anonymised(raw_sample(metadata, **named)).sample
    except InvalidSample:
        return
    again = RawSample(organism=first.organism, collection_date=first.collection_date, metadata=first.metadata)
    second = anonymised(again)
    assert (dict(second.sample.metadata), second.drop_reasons) == (dict(first.metadata), {})
    assert (second.sample.organism, second.sample.collection_date) == (first.organism, first.collection_date)


@pytest.mark.parametrize("written", [date for date in records.DATES if "1961" in date])
def test_date_in_any_form_becomes_its_year(written: str) -> None:
    assert anonymised(raw_sample(collection_date=written)).sample.collection_date == "1961"
    stored = anonymised(raw_sample({"collection_date": written})).sample.metadata
    assert stored["collection_date"].string_value == "1961"


@pytest.mark.parametrize("written", ["around 17 mars 1961", "1961-13-40", "Quartzfeather", "61", "17/03"])
def test_invalid_date_is_dropped_with_its_field(written: str) -> None:
    for raw, name in (
        (raw_sample(collection_date=written), "collectionDate"),
        (raw_sample({"sampling date": written}), "sampling date"),
    ):
        assert anonymised(raw).drop_reasons == {name: "must be a date: 2008-10-28, 2008-10 or 2008"}


def test_record_of_five_hundred_fields_is_judged_completely() -> None:
    fields: dict[str, Any] = {f"field {number}": f"Quartzfeather {number}" for number in range(498)}
    result = anonymised(raw_sample({**fields, "age": "34", "notes": "with Quartzfeather 17"}))
    assert dict(result.actions) == {
        "organism": "kept",
        "metadata.age": "age in bands of 10 years",
        "metadata.notes": "free text, redacted",
    }
    assert set(fields) <= set(result.dropped_fields)


@pytest.mark.parametrize("field", ["notes", "body_site", "name", "favourite colour", "age"])
def test_megabyte_of_text_is_dropped_with_its_field(field: str) -> None:
    raw = raw_sample({field: "Zebulon Quartzfeather " * 50_000})
    assert anonymised(raw).dropped_fields == [field]
    assert "quartzfeather" not in whole_answer(raw).lower()


def test_megabyte_of_text_as_the_donor_is_refused() -> None:
    raw = raw_sample({"subject_id": "Zebulon Quartzfeather " * 50_000})
    assert violations(raw) == {"sample.metadata.subject_id": "must be at most 4000 characters long"}
    assert "quartzfeather" not in whole_answer(raw).lower()
