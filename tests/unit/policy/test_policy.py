"""The policy file is either read completely or refused with advice, and all names that senders use find its fields."""

import re
from pathlib import Path

import pytest

from fairdatabase.policy.records.rules import RULES
from fairdatabase.policy.tables.reader import ACTIONS, PolicyError, load_policy
from fairdb.privacy.v1.field_class_pb2 import FieldClass
from tests.unit.policy.samples import POLICY, policy_file

GROUP = """
version = "2026-11-1"
[[group]]
class = "quasi"
action = "year"
says = "year"
why = "A reason."
[group.fields]
collection_date = ["date"]
[questions]
class = "sensitive"
action = "answer"
says = "kept"
why = "Another reason."
"""


def test_every_action_of_the_policy_has_a_rule() -> None:
    assert set(RULES) | {"subject"} == ACTIONS


def test_every_field_has_a_reason_and_names_its_action() -> None:
    assert len(POLICY.fields) > 200
    for name, field in POLICY.fields.items():
        assert re.fullmatch(r"[a-z][a-z0-9_]{0,63}", name)
        assert field.why.strip()
        assert field.says or field.action in ("drop", "unit"), name


def test_direct_identifiers_are_never_stored() -> None:
    direct = [field for field in POLICY.fields.values() if field.field_class == FieldClass.FIELD_CLASS_UNSPECIFIED]
    assert {field.action for field in direct} == {"drop", "subject"}
    assert {"name", "email", "phone", "address", "birth_date", "ssn", "ip_address", "sample_id", "ncbi_accession"} <= {
        field.name for field in direct
    }


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("BodySite", "body_site"),
        ("body.site", "body_site"),
        ("BODY-SITE ", "body_site"),
        ("#SampleID", "sample_id"),
        ("host_age", "age"),
        ("Patient's e-mail", "email"),
        ("patient e-mail", "email"),
        ("second_email", "email"),
        ("Аge", "age"),
        ("a\u200bge", "age"),
        ("ａｇｅ", "age"),
        ("geographic location (country and/or sea)", "country"),
        ("host_subject_id", "subject_id"),
        ("favourite colour", None),
        ("возраст", None),
        ("", None),
    ],
)
def test_names_find_their_field(written: str, name: str | None) -> None:
    found = POLICY.listed(written)
    assert (found and found.name) == name


@pytest.mark.parametrize(
    ("written", "action", "class_"),
    [
        ("disease_ontology_term_id", "ontology", FieldClass.FIELD_CLASS_SENSITIVE),
        ("body site ontology term id", "ontology", FieldClass.FIELD_CLASS_PUBLIC),
        ("country_ontology_term_id", "ontology", FieldClass.FIELD_CLASS_QUASI_IDENTIFIER),
        ("age_ontology_term_id", "drop", FieldClass.FIELD_CLASS_QUASI_IDENTIFIER),
        ("city_ontology_term_id", "drop", FieldClass.FIELD_CLASS_QUASI_IDENTIFIER),
        ("name_ontology_term_id", "drop", FieldClass.FIELD_CLASS_UNSPECIFIED),
    ],
)
def test_ontology_id_follows_its_field(written: str, action: str, class_: FieldClass.ValueType) -> None:
    found = POLICY.listed(written)
    assert found is not None
    assert (found.action, found.field_class) == (action, class_)


def test_good_policy_file_is_read(tmp_path: Path) -> None:
    assert load_policy(policy_file(tmp_path, GROUP)).version == "2026-11-1"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('version = "2026-11-1"', 'version = "one"', "version must be like"),
        ('class = "quasi"', 'class = "secret"', "class must be one of"),
        ('class = "quasi"', 'class = "direct"', "never kept"),
        ('action = "year"', 'action = "yaer"', "action must be one of"),
        ('action = "year"', 'action = "band"', "band needs highest, lowest, top, unit, width"),
        ('says = "year"', 'says = "year"\nwidth = 3', "year has no option width"),
        ('says = "year"', "", "year needs says"),
        ('why = "A reason."', 'why = " "', "needs a why"),
        ('["date"]', '"date"', "must list its other names"),
        ('["date"]', '["date"]\nDate = []', "means two fields"),
        ('action = "year"', 'action = "pattern"\npattern = "("', "missing \\)"),
        ('action = "year"', 'action = "vocabulary"\nvalues = ["a|b", "c|b"]', "means two values"),
        (
            '["date"]',
            '["date"]\n[group.translated.birth]\nnames = ["no date"]\nvalues = { a = ["b"] }',
            "unknown field birth",
        ),
        ('["date"]', '["date"]\n[group.translated.collection_date]\nnames = ["x"]\nwords = []', "has names and values"),
        (
            '["date"]',
            '["date"]\n[group.translated.collection_date]\nnames = ["Date"]\nvalues = { a = ["b"] }',
            "date means two fields",
        ),
        (
            '["date"]',
            '["date"]\n[group.translated.collection_date]\nnames = ["x"]\nvalues = { a = ["b"], c = ["B"] }',
            "an answer means two values",
        ),
        ('action = "answer"', 'action = "questions"', "action must be one of"),
        ("[[group]]", "[[group", "policy.toml: "),
        ("[group.fields]", '[group.patterns]\ncollection_date = "x"\n[group.fields]', "only direct identifiers"),
    ],
)
def test_bad_policy_file_is_refused_with_what_to_correct(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in GROUP
    with pytest.raises(PolicyError, match=message):
        load_policy(policy_file(tmp_path, GROUP.replace(old, new, 1)))


def test_missing_policy_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match="No such file"):
        load_policy(tmp_path / "policy.toml")
