"""A value has at least the class of its most revealing word or ontology id, whatever its field."""

import pytest

from fairdatabase.policy.records.preview import preview
from fairdatabase.policy.tables.fields import Field
from fairdb.privacy.v1.field_class_pb2 import (
    FIELD_CLASS_PUBLIC,
    FIELD_CLASS_QUASI_IDENTIFIER,
    FIELD_CLASS_SENSITIVE,
    FieldClass,
)
from fairdb.samples.v1.sample_service_pb2 import FieldPreview
from tests.unit.policy.harmless_values import HARMLESS
from tests.unit.policy.samples import ANONYMISER, POLICY, anonymised, kept, raw_sample

TOPICS = POLICY.vocabulary.topics
OPEN_ACTIONS = ("term", "ontology", "organism", "pattern", "study", "sequence")
ORGANISMS = POLICY.vocabulary.organisms
PUBLIC = [
    field for field in POLICY.all_fields() if field.field_class == FIELD_CLASS_PUBLIC and field.action in OPEN_ACTIONS
]
QUASI = [
    field
    for field in POLICY.all_fields()
    if field.field_class == FIELD_CLASS_QUASI_IDENTIFIER and field.action in OPEN_ACTIONS
]


def class_of(field: str, value: str | float) -> FieldClass.ValueType | None:
    """Return the class of a stored value, or None if the value is dropped."""
    result = anonymised(raw_sample({field: value}))
    if field == "taxon_id" and result.sample.taxon_id:
        # It becomes a field of the sample.
        return result.classes.get("taxonId", FIELD_CLASS_PUBLIC)
    if not result.sample.metadata:
        return None
    (name,) = result.sample.metadata
    return result.classes.get(f"metadata.{name}", FIELD_CLASS_PUBLIC)


def representatives(fields: list[Field]) -> list[Field]:
    """Return one field for each set of topics that fields permit."""
    kinds = {
        (field.action, tuple(field.name in topic.permitted for topic in TOPICS.by_name.values())): field
        for field in fields
    }
    return list(kinds.values())


FORMS = ("{}", "stool of {}", "{}, feces", "non-{}", "({}s)", "{}-positive skin", "Feces; {}.")


def test_no_revealing_word_is_ever_public() -> None:
    fields = representatives(PUBLIC) + representatives(QUASI)
    assert {field.action for field in fields} == {*OPEN_ACTIONS}
    stored = 0
    for number, (word, topics) in enumerate(TOPICS.words.items()):
        form = FORMS[number % len(FORMS)]
        for written in (word, form.format(word.upper())):
            result = anonymised(raw_sample({field.name: written for field in fields}))
            for field in fields:
                revealed = [topic.field_class for topic in topics if field.name not in topic.permitted]
                if field.action == "organism" and (word in ORGANISMS.genera or word in ORGANISMS.epithets):
                    # "Cannabis sativa" is a plant. Pathogens have a topic of their own.
                    revealed = [topic.field_class for topic in topics if topic.name == "infection"]
                if revealed and field.name in result.sample.metadata:
                    stored += 1
                    assert result.classes.get(field.path, FIELD_CLASS_PUBLIC) >= max(revealed), (field.name, written)
    # Check that not all values are dropped.
    assert stored > 2000


def test_no_revealing_id_is_ever_public() -> None:
    names = {prefix.upper(): prefix for prefix in POLICY.vocabulary.ontologies}
    ids = [(prefix, number) for prefix in names for number in (123, 4567)]
    ids += [(prefix, number) for (prefix, number), topic in TOPICS.ids.items() if topic and prefix in names]
    stored, fields = 0, representatives(PUBLIC)
    for key in ids:
        topic = TOPICS.ids[key] if key in TOPICS.ids else TOPICS.ontologies.get(key[0], TOPICS.default)
        id = f"{names[key[0]]}:{key[1]:07}"
        for value in (id, f"feces [{id}]", f"UBERON:0001988; {id}"):
            result = anonymised(raw_sample({field.name: value for field in fields}))
            for field in fields:
                if topic and field.name in result.sample.metadata and field.name not in topic.permitted:
                    stored += 1
                    assert result.classes.get(field.path, FIELD_CLASS_PUBLIC) >= topic.field_class, (field.name, value)
    assert stored > 2000


def test_harmless_values_stay_public() -> None:
    wrong = [(field, value) for field, value in HARMLESS if class_of(field, value) != FIELD_CLASS_PUBLIC]
    assert not wrong
    assert len(HARMLESS) >= 150


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("isolation_source", "rectal swab, Crohn's disease"),
        ("isolation_source", "feces, ulcerative colitis"),
        ("body_site", "H I V"),
        ("body_site", "h.i.v."),
        ("body_site", "ＨＩＶ"),
        ("sample_type", "T 2 D"),
        ("sample_type", "T2DM"),
        ("sample_type", "COVID19 swab"),
        ("body_habitat", "non-diabetic"),
        ("body_habitat", "pre-diabetic"),
        ("env_local_scale", "ICU"),
        ("env_local_scale", "hospital room surface"),
        ("visit_type", "flare"),
        ("visit_type", "remission visit"),
        ("visit_type", "before chemotherapy"),
        ("experimental_factor", "placebo"),
        ("collection_method", "colonoscopy"),
        ("isolation_source", "healthy control"),
        ("isolation_source", "tonsillitis"),
        ("isolation_source", "metformin"),
        ("isolation_source", "skin of hispanic people"),
        ("isolation_source", "Jewish"),
        ("isolation_source", "vegan"),
        ("isolation_source", "high blood pressure"),
        ("isolation_source", "fatty liver"),
        ("isolation_source", "type 2"),
        ("isolation_source", "blood group A"),
        ("isolation_source", "O negative"),
        ("isolation_source", "low fat"),
        ("collection_device", "before treatment"),
        ("isolation_source", "beta blocker"),
        ("isolation_source", "proton pump inhibitors"),
        ("isolation_source", "watery stool"),
        ("isolation_source", "high cholesterol"),
        ("isolation_source", "drinks wine"),
        ("isolation_source", "pregnancy, third trimester"),
        ("isolation_source", "breast-fed"),
        ("isolation_source", "pre-term"),
        ("isolation_source", "period blood"),
        ("primer_sequence", "caucasian"),
        ("host_common_name", "Japanese"),
        ("library_source", "asthma"),
        ("library_layout", "IBD"),
        ("target_gene", "cancer"),
        ("instrument_model", "AIDS"),
        ("study_design", "obese"),
        ("study_name", "DiabetesA_2017"),
        ("education", "hiv"),
        ("westernized", "leukemia"),
    ],
)
def test_value_about_health_or_origin_is_sensitive_in_any_field(field: str, value: str) -> None:
    assert class_of(field, value) == FIELD_CLASS_SENSITIVE


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("body_site", "vaginal swab"),
        ("body_site", "left breast"),
        ("body_product", "human milk"),
        ("body_product", "seminal plasma"),
        ("sample_type", "placenta"),
        ("sample_type", "meconium"),
        ("sample_type", "cord blood"),
        ("body_site", "cervix"),
        ("isolation_source", "stool of female"),
        ("isolation_source", "infant stool"),
        ("isolation_source", "elderly"),
        ("isolation_source", "university student"),
        ("isolation_source", "household surface"),
        ("visit_type", "winter"),
        ("isolation_source", "18 months"),
        ("isolation_source", "day 12"),
        ("body_site", "34F"),
        ("body_site", "F."),
        ("body_site", "nine months"),
        ("body_site", "two years"),
        ("body_site", "A+"),
        ("body_site", "41 M"),
        ("body_site", "m 41"),
        ("visit_type", "M34"),
        ("body_site", "F"),
        ("body_site", "m"),
        ("sample_type", "57"),
        ("sample_type", 57),
        ("body_site", "27F"),
    ],
)
def test_value_about_sex_or_age_is_a_quasi_identifier_in_any_field(field: str, value: str | int) -> None:
    assert class_of(field, value) == FIELD_CLASS_QUASI_IDENTIFIER


@pytest.mark.parametrize(
    ("field", "id", "expected"),
    [
        ("body_site", "UBERON:0000178", FIELD_CLASS_PUBLIC),
        ("body_site", "FMA:7195", FIELD_CLASS_PUBLIC),
        ("env_medium", "ENVO:00002007", FIELD_CLASS_PUBLIC),
        ("env_medium", "feces [ENVO:00002003]", FIELD_CLASS_PUBLIC),
        ("body_site", "UBERON:0002367", FIELD_CLASS_QUASI_IDENTIFIER),
        ("body_site", "UBERON_0001987", FIELD_CLASS_QUASI_IDENTIFIER),
        ("body_site", "tissue [UBERON:0000995]", FIELD_CLASS_QUASI_IDENTIFIER),
        ("body_site", "FMA:9600", FIELD_CLASS_QUASI_IDENTIFIER),
        ("body_site_ontology_term_id", "UBERON:0000473", FIELD_CLASS_QUASI_IDENTIFIER),
        ("body_site_ontology_term_id", "HsapDv:0000087", FIELD_CLASS_QUASI_IDENTIFIER),
        ("body_site_ontology_term_id", "MONDO:0011849", FIELD_CLASS_SENSITIVE),
        ("isolation_source", "DOID:10652", FIELD_CLASS_SENSITIVE),
        ("isolation_source", "HP:0000819", FIELD_CLASS_SENSITIVE),
        ("isolation_source", "EFO:0000384", FIELD_CLASS_SENSITIVE),
        ("isolation_source", "OMIM:266600", FIELD_CLASS_SENSITIVE),
        ("isolation_source", "NCIT:C4872", FIELD_CLASS_SENSITIVE),
        ("isolation_source", "HANCESTRO:0010", FIELD_CLASS_SENSITIVE),
        ("isolation_source", "CHEBI:6801", FIELD_CLASS_SENSITIVE),
        ("isolation_source", "ICD10:K51", FIELD_CLASS_SENSITIVE),
        ("env_local_scale", "ENVO:03501182", FIELD_CLASS_SENSITIVE),
        ("sample_type", "UBERON:0001988; MONDO:0005265", FIELD_CLASS_SENSITIVE),
        ("sample_storage", "CHEBI:16236", FIELD_CLASS_PUBLIC),
        ("host_species_ontology_term_id", "NCBITaxon:9606", FIELD_CLASS_PUBLIC),
        ("host_species_ontology_term_id", "NCBITaxon:11676", FIELD_CLASS_SENSITIVE),
        ("host_taxid", "10090", FIELD_CLASS_PUBLIC),
        ("host_taxid", "5833", FIELD_CLASS_SENSITIVE),
    ],
)
def test_id_is_judged_by_its_ontology(field: str, id: str, expected: FieldClass.ValueType) -> None:
    assert class_of(field, id) == expected


@pytest.mark.parametrize(
    "id",
    [
        "ENVO:00001985", "ENVO:00002026", "UBERON:0001988", "FOODON:03301977", "OMIM:192000", "ORPHA:1998",
        "SNOMED:73211009", "MONDO:0019850", "NCBITaxon:200120",
    ],
)  # fmt: skip
def test_id_is_kept_whatever_its_digits_are(id: str) -> None:
    assert kept({"disease": id}) == {"disease": id}
    assert kept({"disease": f"colitis [{id}]"}) == {"disease": f"colitis [{id}]"}


@pytest.mark.parametrize("id", ["ENVO:12041985", "FOODON:19850412", "UBERON:04121985"])
def test_date_in_the_form_of_an_id_is_dropped(id: str) -> None:
    assert kept({"body_site": id, "disease": id}) == {}


def test_class_is_that_of_the_value_and_not_of_the_field() -> None:
    """Results that are cached between records keep their class."""
    for _ in range(2):
        assert class_of("isolation_source", "skin") == FIELD_CLASS_PUBLIC
        assert class_of("isolation_source", "skin ulcer") == FIELD_CLASS_SENSITIVE
        assert class_of("isolation_source", "vagina") == FIELD_CLASS_QUASI_IDENTIFIER
        assert class_of("isolation_source", "vagina [UBERON:0000996]") == FIELD_CLASS_QUASI_IDENTIFIER
        assert class_of("isolation_source", "skin [MONDO:0005148]") == FIELD_CLASS_SENSITIVE
        assert class_of("isolation_source", "skin [UBERON:0002097]") == FIELD_CLASS_PUBLIC


def test_word_has_its_meaning_in_its_field() -> None:
    assert class_of("sample_control", "control") == FIELD_CLASS_PUBLIC
    assert class_of("isolation_source", "control") == FIELD_CLASS_SENSITIVE
    assert class_of("sample_control", "healthy control") == FIELD_CLASS_SENSITIVE
    assert class_of("sample_storage", "30 days") == FIELD_CLASS_PUBLIC
    assert class_of("body_site", "30 days") == FIELD_CLASS_QUASI_IDENTIFIER
    assert class_of("primer_name", "27F") == FIELD_CLASS_PUBLIC
    assert class_of("env_broad_scale", "village") == FIELD_CLASS_PUBLIC
    assert class_of("collection_method", "village") == FIELD_CLASS_QUASI_IDENTIFIER


def test_preview_and_record_name_the_reason() -> None:
    raw = raw_sample({"isolation_source": "stool of a diabetic", "body_site": "gut"})
    fields = {field.name: field for field in preview(raw, ANONYMISER).fields}
    assert fields["metadata.isolation_source"].field_class == FieldPreview.CLASS_SENSITIVE
    assert (
        fields["metadata.isolation_source"].action == "kept, as sensitive: it says something about health or treatment"
    )
    assert fields["metadata.body_site"].field_class == FieldPreview.CLASS_PUBLIC
    assert anonymised(raw).actions["metadata.isolation_source"] == fields["metadata.isolation_source"].action


@pytest.mark.parametrize(
    "organism",
    [
        "Human immunodeficiency virus 1", "HIV-1", "Human papillomavirus", "Mycobacterium tuberculosis",
        "Hepatitis B virus", "Plasmodium falciparum", "Neisseria gonorrhoeae", "Treponema pallidum", "SARS-CoV-2",
    ],
)  # fmt: skip
def test_pathogen_of_a_person_is_sensitive(organism: str) -> None:
    for subject, metadata in (("S1", {}), ("", {"host": "Homo sapiens"}), ("", {"sex": "female"})):
        result = anonymised(raw_sample(metadata, organism=organism, taxon_id=9, subject=subject))
        assert result.classes["organism"] == result.classes["taxonId"] == FIELD_CLASS_SENSITIVE
    for subject, metadata in (("", {}), ("cow 1", {"host": "Bos taurus"}), ("", {"country": "NL"})):
        assert "organism" not in anonymised(raw_sample(metadata, organism=organism, subject=subject)).classes


@pytest.mark.parametrize(
    "organism",
    ["Escherichia coli", "human gut metagenome", "Staphylococcus aureus", "Bacteroides fragilis", "Homo sapiens",
     "human oral metagenome", "Candida albicans", "Klebsiella pneumoniae", "Escherichia phage T4",
     "Clostridium butyricum", "Cannabis sativa", "Canis lupus familiaris"],
)  # fmt: skip
def test_organism_that_reveals_nothing_is_public(organism: str) -> None:
    result = anonymised(raw_sample(organism=organism, subject="S1", metadata={"host": "human", "age": 40}))
    assert "organism" not in result.classes


def test_organism_of_one_sex_and_revealing_taxon_are_raised() -> None:
    result = anonymised(raw_sample(organism="human vaginal metagenome", subject="S1"))
    assert result.classes["organism"] == FIELD_CLASS_QUASI_IDENTIFIER
    result = anonymised(raw_sample(organism="virus", taxon_id=11676, subject="S1"))
    assert result.classes["taxonId"] == FIELD_CLASS_SENSITIVE
    fields = {field.name: field for field in preview(raw_sample(organism="HIV-1", subject="S1"), ANONYMISER).fields}
    assert fields["organism"].field_class == FieldPreview.CLASS_SENSITIVE


def test_each_permitted_field_is_a_field_of_the_policy() -> None:
    for topic in TOPICS.by_name.values():
        assert topic.permitted <= POLICY.fields.keys(), topic.name
