"""In a sample that is, or may be, of a person, only sites, materials, media and visits are public."""

import pytest

from fairdb.privacy.v1.field_class_pb2 import (
    FIELD_CLASS_PUBLIC,
    FIELD_CLASS_QUASI_IDENTIFIER,
    FIELD_CLASS_SENSITIVE,
    FieldClass,
)
from tests.unit.policy.harmless_values import HARMLESS
from tests.unit.policy.plain_values import PLACES, PLAIN, PLANTED, PLANTED_VALUES, SITES
from tests.unit.policy.samples import POLICY, anonymised, raw_sample

FIELDS = (
    "body_site", "body_habitat", "sample_type", "isolation_source", "tissue", "env_broad_scale", "env_local_scale",
    "env_medium", "habitat", "empo_3", "visit_type", "visit_name", "study_design", "experimental_factor",
)  # fmt: skip
EVERYWHERE = [
    field.name
    for field in POLICY.fields.values()
    if field.field_class == FIELD_CLASS_PUBLIC and field.action == "term" and field.name not in FIELDS
]
PEOPLE: dict[str, dict[str, object]] = {
    "donor": {"subject": "S1", "organism": "human gut metagenome"},
    "organism": {"organism": "human skin metagenome"},
    "part": {"organism": "oral metagenome"},
    "unclear": {"organism": "E. coli"},
}
SOIL = {"organism": "soil metagenome"}


def classes_of(metadata: dict[str, str], **fields: object) -> dict[str, FieldClass.ValueType]:
    """Return the classes of the stored fields of a sample."""
    result = anonymised(raw_sample(metadata, **fields))  # pyright: ignore[reportArgumentType]
    return {name: result.classes.get(f"metadata.{name}", FIELD_CLASS_PUBLIC) for name in result.sample.metadata}


@pytest.mark.parametrize("who", ["donor", "organism"])
def test_sites_and_materials_of_people_are_public(who: str) -> None:
    wrong: list[tuple[str, str]] = []
    stored = 0
    for field, value in PLAIN:
        found = classes_of({field: value}, **PEOPLE[who])
        stored += bool(found)
        if found.get(field, FIELD_CLASS_PUBLIC) != FIELD_CLASS_PUBLIC:
            wrong.append((field, value))
    assert not wrong
    # The vocabulary does not list each word of each site.
    assert stored > len(PLAIN) * 0.9
    assert len(SITES) > 100


def test_harmless_values_of_sites_are_public_in_people() -> None:
    fields = ("body_site", "body_product", "sample_storage", "collection_device", "collection_method", "visit_type")
    for field, value in HARMLESS:
        if field in fields:
            assert classes_of({field: value}, **PEOPLE["donor"]) == {field: FIELD_CLASS_PUBLIC}, (field, value)


@pytest.mark.parametrize("who", PEOPLE)
def test_harmless_words_that_say_something_together_are_sensitive(who: str) -> None:
    stored = 0
    for value in PLANTED_VALUES:
        for field, found in classes_of(dict.fromkeys(FIELDS, value), **PEOPLE[who]).items():
            stored += 1
            assert found >= FIELD_CLASS_SENSITIVE, (field, value)
    assert stored > len(PLANTED_VALUES) * 7
    assert len(PLANTED_VALUES) >= 60
    assert all(values.count("|") >= 5 for values in PLANTED.values())


def test_organ_of_an_animal_is_no_organ_of_a_donor() -> None:
    for value in ("pig heart", "heart of pig", "cow muscle", "chicken meat", "raw milk"):
        for field in ("body_site", "isolation_source", "env_local_scale"):
            for found in classes_of({field: value}, **PEOPLE["donor"]).values():
                assert found >= FIELD_CLASS_SENSITIVE, (field, value)
            host = {"host": "Sus scrofa", field: value}
            assert classes_of(host, organism="E. coli").get(field) in (FIELD_CLASS_PUBLIC, None), (field, value)


@pytest.mark.parametrize("who", PEOPLE)
def test_no_public_field_at_all_shows_them(who: str) -> None:
    """A part of the body or a food beside a number, a degree or a negation is no word of a laboratory."""
    for value in (
        "no spleen",
        "six fingers",
        "no pork",
        "donor kidney",
        "high sugar",
        "one eye",
        "no heart",
        "less meat",
    ):
        for start in range(3):
            found = classes_of(dict.fromkeys(EVERYWHERE[start::3], value), **PEOPLE[who])
            assert all(each >= FIELD_CLASS_SENSITIVE for each in found.values()), value
            assert len(found) > 50


@pytest.mark.parametrize("value", PLACES)
def test_places_of_people_are_not_public(value: str) -> None:
    for field in ("env_local_scale", "env_broad_scale", "habitat", "environment"):
        for who in ("donor", "organism", "part"):
            for found in classes_of({field: value}, **PEOPLE[who]).values():
                assert found >= FIELD_CLASS_QUASI_IDENTIFIER, (field, value)
        for found in classes_of({field: value}, **SOIL).values():
            assert found == FIELD_CLASS_PUBLIC, (field, value)


@pytest.mark.parametrize(
    ("field", "id"),
    [
        ("body_site", "FOODON:03301977"),
        ("isolation_source", "FOODON:00001006"),
        ("env_medium", "GO:0008150"),
        ("body_site_ontology_term_id", "FOODON:03411222"),
        ("sample_type", "PO:0009010"),
        ("env_local_scale", "ENVO:00000114"),
        ("env_local_scale", "lake [ENVO:00000114]"),
        ("env_broad_scale_ontology_term_id", "ENVO:00003082"),
    ],
)
def test_ids_of_other_ontologies_are_not_public_in_people(field: str, id: str) -> None:
    for found in classes_of({field: id}, **PEOPLE["donor"]).values():
        assert found >= FIELD_CLASS_QUASI_IDENTIFIER


def test_remembered_values_keep_both_classes() -> None:
    for _ in range(3):
        assert classes_of({"env_local_scale": "village"}, **SOIL) == {"env_local_scale": FIELD_CLASS_PUBLIC}
        assert classes_of({"env_local_scale": "village"}, **PEOPLE["donor"]) == {
            "env_local_scale": FIELD_CLASS_QUASI_IDENTIFIER
        }
        assert classes_of({"env_medium": "feces [UBERON:0001988]"}, **PEOPLE["donor"]) == {
            "env_medium": FIELD_CLASS_PUBLIC
        }
        assert classes_of({"body_site": "no spleen [UBERON:0002106]"}, **PEOPLE["donor"]) == {
            "body_site": FIELD_CLASS_SENSITIVE
        }


@pytest.mark.parametrize("who", PEOPLE)
def test_missing_values_are_public(who: str) -> None:
    for term in ("not applicable", "not collected", "missing", "restricted access", "missing: control sample"):
        found = classes_of(
            dict.fromkeys(("body_site", "env_medium", "ph", "body_site_ontology_term_id"), term), **PEOPLE[who]
        )
        assert set(found.values()) == {FIELD_CLASS_PUBLIC}
        assert len(found) == 4


@pytest.mark.parametrize("who", ["donor", "unclear"])
def test_part_of_the_body_with_an_adjective_is_sensitive_in_every_field(who: str) -> None:
    for value in ("dry skin", "liquid stool", "red hair", "false teeth", "hot skin", "sugar in blood", "oily skin"):
        for field in (
            "body_site",
            "isolation_source",
            "library_layout",
            "soil_type",
            "collection_method",
            "assembly_name",
        ):
            for found in classes_of({field: value}, **PEOPLE[who]).values():
                assert found >= FIELD_CLASS_SENSITIVE, (field, value)


def test_foods_and_places_of_people_have_no_place_in_a_laboratory() -> None:
    for value in ("beef", "no food", "fasting", "vineyard", "subway", "greenhouse", "seafood", "beer"):
        for field in ("library_layout", "soil_type", "assembly_name", "library_kit"):
            for found in classes_of({field: value}, **PEOPLE["donor"]).values():
                assert found >= FIELD_CLASS_SENSITIVE, (field, value)
            for found in classes_of({field: value}, **SOIL).values():
                assert found == FIELD_CLASS_PUBLIC or value in ("no food", "fasting"), (field, value)


def test_laboratory_fields_of_people_say_nothing_about_them() -> None:
    about_people = (
        "participant four", "subject nine", "individual six", "permanent teeth", "big man", "low weight", "night shift",
        "monthly cycle", "cycle day 12", "consent withdrawn", "only plants", "with a dog", "living on a farm", "fasted",
    )  # fmt: skip
    about_methods = (
        "Illumina MiSeq 2x300 paired end", "manual extraction with bead beating", "frozen at -20", "RNAlater on ice",
        "kit version 2", "PCR with universal primers", "quality score above 30", "stored in ethanol until extraction",
    )  # fmt: skip
    for field in ("sequencing_method", "sample_storage", "library_kit"):
        for value in about_people:
            for found in classes_of({field: value}, **PEOPLE["donor"]).values():
                assert found != FIELD_CLASS_PUBLIC, (field, value)
        for value in about_methods:
            for found in classes_of({field: value}, **PEOPLE["donor"]).values():
                assert found == FIELD_CLASS_PUBLIC, (field, value)
