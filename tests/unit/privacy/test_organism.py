"""Names of organisms pass, names of people do not."""

import pytest

from privacy_svc.organism import is_organism
from tests.unit.privacy.samples import POLICY, anonymised, raw_sample, violations


@pytest.mark.parametrize(
    "name",
    [
        "E. coli",
        "Escherichia coli",
        "Escherichia coli O157:H7",
        "Escherichia coli str. K-12 substr. MG1655",
        "Escherichia coli Nissle 1917",
        "human gut metagenome",
        "Human Gut Metagenome",
        "mouse gut metagenome",
        "Homo sapiens",
        "SARS-CoV-2",
        "Severe acute respiratory syndrome coronavirus 2",
        "Salmonella enterica subsp. enterica serovar Typhimurium",
        "Salmonella Typhimurium",
        "Influenza A virus (A/Puerto Rico/8/1934(H1N1))",
        "West Nile virus",
        "Epstein-Barr virus",
        "Human immunodeficiency virus 1",
        "HIV-1",
        "Candidatus Saccharibacteria",
        "uncultured Bacteroides sp.",
        "[Clostridium] innocuum",
        "Bacteroides thetaiotaomicron VPI-5482",
        "Lactobacillus rhamnosus GG",
        "Zea mays",
        "Mus musculus",
        "yeast",
        "Streptococcus pneumoniae ATCC 700669",
    ],
)
def test_organisms_pass(name: str) -> None:
    assert is_organism(name, POLICY.vocabulary)
    assert anonymised(raw_sample(organism=name)).sample.organism == name


@pytest.mark.parametrize(
    "name",
    [
        "Zebulon Quartzfeather",
        "Zebulon quartzfeather",
        "zebulon quartzfeather",
        "Quartzfeather, Zebulon",
        "JANE DOE",
        "Jane DOE",
        "J. Doe",
        "Jane Doe 1980-02-03",
        "Jane O'Brien",
        "Jane McDonald",
        "Jane Thompson",
        "a@b.org",
        "E. coli a@b.org",
        "E. coli of Jane Doe",
        "E. coli (Quartzfeather)",
        "Escherichia coli Quartzfeather",
        "E. coli 1980-02-03",
        "E. coli 3 February 1980",
        "E. coli 19800203",
        "E. coli 555-013-2847",
        "human gut metagenome zebulon",
        "virus Jane Doe",
        "Зебулон",
        "12345",
        "<script>",
        "E. coli\n" + "x" * 200,
    ],
)
def test_people_do_not_pass_and_are_not_quoted(name: str) -> None:
    assert not is_organism(" ".join(name.split()), POLICY.vocabulary)
    found = violations(raw_sample(organism=name))
    assert set(found) == {"sample.organism"}
    assert name not in found["sample.organism"]


@pytest.mark.parametrize("name", ["", "   ", "\u200b"])
def test_an_organism_is_required(name: str) -> None:
    assert violations(raw_sample(organism=name)) == {
        "sample.organism": "is required: a scientific or community name",
    }


def test_an_identifier_of_the_same_sample_is_refused_even_where_it_reads_as_latin() -> None:
    metadata = {"first_name": "Anna", "last_name": "Silva"}
    assert violations(raw_sample(organism="Anna silva")) == {}
    found = violations(raw_sample(metadata, organism="Anna silva"))
    assert "identifier of the same sample" in found["sample.organism"]
    assert violations(raw_sample(organism="Anna silva", subject="ANNA-SILVA"))


def test_a_sample_may_be_labelled_as_its_organism() -> None:
    assert anonymised(raw_sample({"sample_name": "E. coli"})).sample.organism == "E. coli"


def test_only_good_names_are_remembered() -> None:
    is_organism("Jane Doe", POLICY.vocabulary)
    is_organism("Homo sapiens", POLICY.vocabulary)
    assert "Jane Doe" not in POLICY.vocabulary.names
    assert "Homo sapiens" in POLICY.vocabulary.names
