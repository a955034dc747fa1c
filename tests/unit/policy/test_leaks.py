"""No identifier of the donor leaves anonymisation, wherever in the sample it is."""

import re
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from fairdatabase.policy.records.anonymisation import InvalidSample
from fairdatabase.policy.text.characters import fold
from fairdb.samples.v1.sample_pb2 import RawSample
from tests.unit.policy.samples import POLICY, anonymised, raw_sample

AMOUNT = r"-?[\d.]+(e[+-]?\d+)?( - -?[\d.]+(e[+-]?\d+)?)?( [A-Za-z°%/]{1,8}\d?)?"

NAME = "Zebulon Quartzfeather"
EMAIL = "zq.canary@canary-mail.example"
PHONE = "+31 6 5550 9917"
BIRTH = "1961-03-17"
PLANTED = (NAME, EMAIL, PHONE, BIRTH)
RENDERED = ("zebulon", "quartzfeather", "zq.canary", "5550 9917", "55509917", BIRTH, "19610317", "17.03.1961")
RENDERED += ("17 march 1961", "1961-3-17", "61-03-17")
DECLARED = {"name": NAME, "email": EMAIL, "phone": PHONE, "birth_date": BIRTH}
FIELDS = sorted(POLICY.fields)
# The form of the values that each action stores, except missing-value terms.
FORMS: dict[str, re.Pattern[str]] = {
    "band": re.compile(r"(?:<\d+|\d+\+|\d+-\d+)(?: years)?"),
    "year": re.compile(r"(18|19|20)\d\d(/(18|19|20)\d\d)?"),
    "grid": re.compile(r"-?\d{1,3}\.0"),
    "coordinates": re.compile(r"\d{1,2} [NS] \d{1,3} [EW]"),
    "number": re.compile(AMOUNT),
    "measurements": re.compile(rf"({AMOUNT};?)+"),
    "ontology": re.compile(r"([A-Za-z0-9]+[:_][A-Z]?\d{1,9}[;,| ]*)+"),
    "sequence": re.compile(r"[A-Za-z:=,; ]+"),
}


def whole_answer(raw: RawSample) -> str:
    """Return everything that anonymisation stores or logs. Only the sender receives the names of dropped fields."""
    try:
        result = anonymised(raw)
    except InvalidSample as invalid:
        return f"{invalid} {invalid.violations}"
    return f"{result.sample} {result.classes} {result.actions}"


def plant(where: str, planted: str) -> RawSample:
    if where == "organism":
        return raw_sample(DECLARED, organism=f"E. coli {planted}")
    if where == "key":
        return raw_sample({**DECLARED, planted: "x", f"{planted} age": [planted]})
    if where == "nested":
        return raw_sample({**DECLARED, planted: {planted: planted}, "sex": {planted: planted}})
    if where == "study":
        return raw_sample(DECLARED, study=planted)
    if where == "subject":
        return raw_sample(DECLARED, subject=planted)
    if where == "collection_date":
        return raw_sample(DECLARED, collection_date=planted)
    return raw_sample({**DECLARED, where: planted})


@pytest.mark.parametrize("planted", PLANTED)
@pytest.mark.parametrize(
    "where", [*FIELDS, "organism", "key", "nested", "study", "subject", "collection_date", "age_ontology_term_id"]
)
def test_canary_in_any_field_is_in_no_answer(where: str, planted: str) -> None:
    answer = whole_answer(plant(where, planted)).lower()
    assert [rendered for rendered in RENDERED if rendered in answer] == []


@pytest.mark.parametrize("planted", PLANTED)
def test_undeclared_canary_is_in_no_stored_value(planted: str) -> None:
    for field in FIELDS:
        for written in (planted, f"sample of {planted} taken"):
            answer = whole_answer(raw_sample({field: written})).lower()
            assert [rendered for rendered in RENDERED if rendered in answer] == [], field


def test_text_around_a_canary_stays() -> None:
    note = "Participant zebulon, called quartzfeather (born 17.3.61), ate rice; 0031655509917 and ZQ.Canary"
    raw = raw_sample({**DECLARED, "notes": note})
    assert anonymised(raw).sample.metadata["notes"].string_value == (
        "Participant [redacted], called [redacted] (born [redacted]), ate rice; [redacted] and [redacted]"
    )


letters = st.text("abcdefghijklmnopqrstuvwxyzäöåéøBCDQXZ", min_size=4, max_size=12)
# No word of the policy or of its messages begins with these letters.
identifiers = st.one_of(
    letters.map(lambda text: f"qx{text}"),
    st.builds(lambda first, last: f"Xq{first} Zx{last}", letters, letters),
    st.from_regex(r"qz[0-9]{3,8}[-_./ ]?[0-9]{0,4}", fullmatch=True),
    st.from_regex(r"7[0-9]{8,11}", fullmatch=True),
)
direct = st.sampled_from(
    [name for name, field in POLICY.fields.items() if field.identifies in ("code", "name", "label")]
)
surroundings = st.sampled_from(
    ["{}", "x {} y", "{}.gut.2008", "({})", "feces {}", "12{}", "{}_{}", "Donor:{};", "\u200b{}"]
)


@settings(max_examples=300, deadline=None)
@given(
    st.dictionaries(direct, identifiers, min_size=1, max_size=3),
    st.one_of(st.none(), identifiers),
    st.dictionaries(st.sampled_from(FIELDS), st.tuples(surroundings, st.integers(0, 3)), max_size=6),
    st.sampled_from(["E. coli", "human gut metagenome", "E. coli {}", "{}"]),
    st.sampled_from([str, str.upper, str.title, lambda text: text.replace(" ", "_")]),
)
def test_no_identifier_of_the_input_is_in_the_output(
    given_: dict[str, str], subject: str | None, planted: dict[str, tuple[str, int]], organism: str, render: Any
) -> None:
    # Skip samples whose label is their organism, because this is allowed.
    assume(organism != "{}" or not any(POLICY.fields[field].identifies == "label" for field in given_))
    known = [*given_.values(), *([subject] if subject else [])]
    metadata = {
        field: form.replace("{}", render(known[which % len(known)])) for field, (form, which) in planted.items()
    }
    metadata = {**metadata, **given_}
    raw = raw_sample(metadata, organism=organism.format(known[0]), subject=subject or "")
    answer = fold(whole_answer(raw)).lower()
    for identifier in known:
        assert fold(identifier).lower() not in answer
        assert len(identifier) < 6 or re.sub(r"[\W_]", "", fold(identifier).lower()) not in answer


scalars = st.one_of(
    st.text(max_size=40),
    st.floats(allow_nan=False, allow_infinity=False),
    st.integers(0, 200),
    st.booleans(),
    st.sampled_from(
        ["feces", "30", "30 years", "2008-10-28", "Healthy", "USA", "NCIT:C1", "40 N 105 W", "GTGCCAGCMGCC"]
    ),
)


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(st.sampled_from(FIELDS), scalars, max_size=8))
def test_stored_value_has_the_form_of_its_rule(metadata: dict[str, Any]) -> None:
    try:
        result = anonymised(raw_sample(metadata))
    except InvalidSample:
        return
    missing = frozenset(POLICY.vocabulary.missing.stored.values()) - {""}
    for key, value in result.sample.metadata.items():
        field = POLICY.fields[key]
        text = str(getattr(value, value.WhichOneof("kind") or ""))
        assert field.action not in ("drop", "subject", "unit")
        assert result.actions[f"metadata.{key}"].startswith(field.says)
        if text not in missing and text not in field.values.values() and field.action in FORMS:
            assert FORMS[field.action].fullmatch(text), (key, text)


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(st.text(min_size=1, max_size=20), scalars, max_size=5))
def test_field_that_the_policy_does_not_know_is_dropped_and_named(metadata: dict[str, Any]) -> None:
    questions = {name for key in metadata if (name := POLICY.vocabulary.questions.name(key))}
    unknown = {key for key in metadata if POLICY.listed(key) is None and not POLICY.vocabulary.questions.name(key)}
    try:
        result = anonymised(raw_sample(metadata))
    except InvalidSample:
        return
    assert unknown <= set(result.dropped_fields)
    assert set(result.sample.metadata) <= set(POLICY.fields) | questions
