"""The organism of a record: any title of the policy's names it, and a sample has one."""

import pytest
from google.protobuf.struct_pb2 import Value

from fairdatabase.policy.records.anonymisation import Anonymiser, render
from fairdatabase.policy.records.drops import REPEATED
from fairdatabase.policy.records.preview import preview
from fairdatabase.policy.tables.reader import load_policy
from fairdb.samples.v1.sample_pb2 import RawSample
from fairdb.samples.v1.sample_service_pb2 import FieldPreview

ANONYMISER = Anonymiser(load_policy())
SOIL, E_COLI = "soil metagenome", "Escherichia coli"


def raw_sample(organism: str = "", taxon_id: int = 0, /, **titles: str | float) -> RawSample:
    raw = RawSample(organism=organism, taxon_id=taxon_id)
    for title, value in titles.items():
        raw.metadata[title].CopyFrom(Value(string_value=value) if isinstance(value, str) else Value(number_value=value))
    return raw


def stored(organism: str = "", taxon_id: int = 0, /, **titles: str | float) -> tuple[str, int, dict[str, str]]:
    """Return the stored organism and taxonomy id, and the reasons of drops. Nothing may be left in the metadata."""
    judged = ANONYMISER.judge(raw_sample(organism, taxon_id, **titles))
    assert judged.violations == []
    result = render(judged, str)
    assert dict(result.sample.metadata) == {}
    return result.sample.organism, result.sample.taxon_id, result.drop_reasons


@pytest.mark.parametrize(
    "title", ["organism", "*organism", "Organism", "scientific_name", "ScientificName", "species", "taxon", "tax_name"]
)
def test_any_title_names_the_organism(title: str) -> None:
    assert stored(**{title: SOIL}) == (SOIL, 0, {})
    # A missing value of the sample's own field is no contradiction.
    assert stored("not provided", **{title: SOIL}) == (SOIL, 0, {})


@pytest.mark.parametrize(
    ("organism", "titles", "winner", "losers"),
    [
        (SOIL, {"species": E_COLI}, SOIL, ["species"]),
        (SOIL, {"species": SOIL.title()}, SOIL, []),
        ("Escherichia", {"species": E_COLI}, E_COLI, ["organism"]),
        (E_COLI, {"taxon": "Escherichia"}, E_COLI, ["taxon"]),
        ("", {"Scientific Name": E_COLI, "*organism": SOIL}, SOIL, ["Scientific Name"]),
        ("", {"organism": "Bacteroides", "tax_name": "Bacteroides fragilis"}, "Bacteroides fragilis", ["organism"]),
        ("", {"organism": "missing", "species": E_COLI}, E_COLI, []),
        (E_COLI, {"species": "not applicable"}, E_COLI, []),
        ("tube 7", {"species": E_COLI}, E_COLI, ["organism"]),
    ],
)
def test_sample_has_one_organism_and_names_the_others(
    organism: str, titles: dict[str, str], winner: str, losers: list[str]
) -> None:
    assert stored(organism, **titles) == (winner, 0, dict.fromkeys(losers, REPEATED.reason))


def test_title_with_another_value_is_dropped_with_its_own_reason() -> None:
    _, _, reasons = stored(SOIL, species="Jane Quartzfeather")
    assert "scientific or community name" in reasons["species"]


def test_taxonomy_id_alone_names_the_organism() -> None:
    assert stored(tax_id="410658") == ("NCBITaxon:410658", 410658, {})
    assert stored(ncbi_taxon_id=562) == ("NCBITaxon:562", 562, {})
    assert stored(taxon_id=562) == ("NCBITaxon:562", 562, {})
    # What the platform writes comes back unchanged.
    assert stored("NCBITaxon:562", 562) == ("NCBITaxon:562", 562, {})


def test_sample_has_one_taxonomy_id() -> None:
    assert stored(E_COLI, 562, tax_id="562") == (E_COLI, 562, {})
    assert stored(E_COLI, 562, tax_id="561") == (E_COLI, 562, {"tax_id": REPEATED.reason})
    assert stored(E_COLI, tax_id="562", **{"taxon id": "561"}) == (E_COLI, 562, {"taxon id": REPEATED.reason})


@pytest.mark.parametrize(
    ("organism", "titles", "own"),
    [
        ("", {}, ""),
        ("not collected", {"age": "34"}, ""),
        ("", {"species": "tube 7"}, ""),
        ("", {"tax_id": "562"}, ""),
        ("", {"species": E_COLI}, E_COLI),
        (SOIL, {"species": E_COLI}, SOIL),
        ("tube 7", {}, "tube 7"),
    ],
)
def test_row_needs_a_default_unless_it_names_its_organism(organism: str, titles: dict[str, str], own: str) -> None:
    assert ANONYMISER.own_organism(raw_sample(organism, **titles)) == own


def test_preview_shows_the_field_that_a_title_becomes() -> None:
    fields = {field.name: field for field in preview(raw_sample(species=E_COLI, tax_id="562"), ANONYMISER).fields}
    assert [(name, field.stored_name) for name, field in fields.items()] == [
        ("metadata.species", "organism"),
        ("metadata.tax_id", "taxonId"),
    ]
    assert fields["metadata.species"].outcome == FieldPreview.OUTCOME_KEPT
    assert fields["metadata.species"].stored_value.string_value == E_COLI
    (field,) = (f for f in preview(raw_sample(SOIL, species=E_COLI), ANONYMISER).fields if "species" in f.name)
    assert (field.outcome, field.advice) == (FieldPreview.OUTCOME_DROPPED, REPEATED.reason)


def test_sample_without_any_organism_is_refused() -> None:
    for raw in (raw_sample(), raw_sample("missing"), raw_sample(species="not collected")):
        assert [violation.field for violation in ANONYMISER.judge(raw).violations] == ["sample.organism"]
