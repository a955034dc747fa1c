"""Numbers are public only of samples that are of no person, and their public fields single out hardly anybody."""

import random
from collections import Counter
from collections.abc import Mapping

import pytest

from fairdatabase.policy.records.anonymisation import Anonymiser
from fairdatabase.policy.tables.fields import Field
from fairdatabase.policy.tables.reader import load_policy
from fairdb.privacy.v1.field_class_pb2 import FIELD_CLASS_PUBLIC, FIELD_CLASS_RESTRICTED
from fairdb.samples.v1.sample_pb2 import RawSample

POLICY = load_policy()
ANONYMISER = Anonymiser(POLICY)
DONORS = 300


def store(
    metadata: Mapping[str, object], organism: str = "human gut metagenome", subject: str = "d1"
) -> tuple[dict[str, float | str], dict[str, int]]:
    """Return the stored metadata of a record, and its classes."""
    raw = RawSample(organism=organism, subject=subject)
    for name, value in metadata.items():
        raw.metadata[name].string_value = str(value)
    stored = ANONYMISER.anonymise(raw, lambda subject: f"p-{subject}")
    sample = stored.sample
    values = {name: value.number_value or value.string_value for name, value in sample.metadata.items()}
    return values, {path.removeprefix("metadata."): found for path, found in stored.classes.items()}


@pytest.mark.parametrize(
    ("name", "value", "field", "stored"),
    [
        ("Read Count", 18_734_112, "number_reads", 18_700_000),
        ("total bases", 2_810_116_800, "number_bases", 2_810_000_000),
        ("avg spot len", "287", "average_spot_length", 287),
        ("min read length", "63", "minimum_read_length", 63),
        ("mean_read_length", "148.37", "mean_read_length", 148),
        ("DNA conc", "41.87", "dna_concentration", 41.9),
        ("RNA integrity number", "7.3", "rin", 7.3),
        ("lib size", "412", "library_size", 412),
        ("storage_days", "133", "storage_days", 133),
        ("number of contigs", "20417", "number_contig", 20_400),
    ],
)
def test_numbers_of_one_sample_are_restricted(name: str, value: object, field: str, stored: float) -> None:
    values, classes = store({name: value})
    assert values == {field: stored}
    assert classes[field] == FIELD_CLASS_RESTRICTED


NUMBERS = [
    ("pH", "6.834", "ph", 6.83),
    ("depth", "0.1542", "depth", 0.154),
    ("water temperature", "17.41", "water_temperature", 17.4),
    ("salinity", "34.71", "salinity", 34.7),
    ("humidity", "58", "humidity", 58),
    ("sample_mass", "0.2471", "sample_mass", 0.247),
    ("soil pH", "5.493", "soil_ph", 5.49),
    ("mean annual temperature", "11.26", "annual_temp", 11.3),
    ("nitrate", "1284", "nitrate", 1280),
]
SOIL = "soil metagenome"


@pytest.mark.parametrize(("name", "value", "field", "stored"), NUMBERS)
def test_numbers_of_the_environment_are_public_unless_of_a_person(
    name: str, value: object, field: str, stored: float
) -> None:
    for other in ({}, {"env_medium": "soil"}, {"host": "Zea mays"}, {"lat_lon": "40.1 N 105.2 W", "country": "NL"}):
        values, classes = store({name: value, **other}, SOIL, "")
        assert (values[field], classes.get(field)) == (stored, None)
    # The stored form comes back unchanged.
    assert store({field: stored}, SOIL, "")[0] == {field: stored}
    for organism, subject, other in (
        ("human gut metagenome", "", {}),
        (SOIL, "d1", {}),
        (SOIL, "", {"age": "34"}),
        (SOIL, "", {"host": "Homo sapiens"}),
        (SOIL, "", {"host_taxid": "9606"}),
        ("gut metagenome", "", {}),
        ("metagenome", "", {}),
        ("Escherichia coli", "", {}),
        ("Escherichia coli", "", {"host": "not applicable"}),
        ("Escherichia coli", "d1", {"host": "unknown"}),
    ):
        values, classes = store({name: value, **other}, organism, subject)
        assert values[field] == stored
        assert classes[field] == FIELD_CLASS_RESTRICTED


@pytest.mark.parametrize("organism", ["E. coli", "mouse gut metagenome", "gut metagenome"])
def test_host_says_whose_the_sample_is(organism: str) -> None:
    assert "ph" not in store({"ph": "7.1", "host": "Mus musculus"}, organism, "mouse 1")[1]
    assert store({"ph": "7.1", "host": "Homo sapiens"}, organism, "")[1]["ph"] == FIELD_CLASS_RESTRICTED


def test_what_samples_of_any_kind_have_is_no_fact_about_a_person() -> None:
    fields = {
        "ph": "7.1",
        "notes": "taken at noon",
        "dna_concentration": "12",
        "treatment": "drought",
        "age": "missing",
    }
    assert "ph" not in store(fields, SOIL, "")[1]
    assert store(fields, "E. coli", "")[1]["ph"] == FIELD_CLASS_RESTRICTED


@pytest.mark.parametrize(
    "field",
    [field for field in POLICY.all_fields() if field.action in ("number", "measurements")],
    ids=lambda field: field.name,
)
def test_every_public_number_is_restricted_in_people(field: Field) -> None:
    if field.field_class == FIELD_CLASS_PUBLIC:
        assert field.class_of_person == FIELD_CLASS_RESTRICTED


def test_all_public_fields_together_single_out_hardly_anybody() -> None:
    dice = random.Random(11)
    kits = ["Qiagen", "PowerSoil"]
    records = [
        {
            "body_site": dice.choice(["feces", "skin", "saliva"]),
            "instrument_model": dice.choice(["Illumina NovaSeq 6000", "Illumina HiSeq 2500"]),
            "dna_extraction_kit": dice.choice(kits),
            "number_reads": dice.randint(10**6, 9 * 10**7),
            "number_bases": dice.randint(10**8, 9 * 10**9),
            "median_read_length": dice.randint(90, 151),
            "minimum_read_length": dice.randint(30, 80),
            "dna_concentration": round(dice.uniform(1, 90), 2),
            "temperature": round(dice.gauss(21, 1), 1),
            "ph": round(dice.gauss(7, 0.15), 2),
            "sample_mass": round(dice.uniform(0.21, 0.24), 3),
        }
        for _ in range(DONORS)
    ]
    public = []
    for record in records:
        values, classes = store(record)
        public.append(tuple(sorted((name, str(value)) for name, value in values.items() if name not in classes)))
    counts = Counter(public)
    alone = sum(counts[record] == 1 for record in public)
    assert alone <= DONORS // 100
    assert all("body_site" in dict(record) for record in public)
