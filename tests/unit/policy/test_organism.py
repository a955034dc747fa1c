"""Names of organisms are accepted, names of people are not."""

import pytest

from fairdatabase.policy.recognizers.organism import is_organism
from tests.unit.policy.samples import POLICY, anonymised, raw_sample, violations


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
        "Escherichia coli O157:H7 str. Sakai",
        "Escherichia coli ATCC 25922",
        "Listeria monocytogenes str. EGD-e",
        "Mycobacterium tuberculosis H37Rv",
        "Saccharomyces cerevisiae S288C",
        "Staphylococcus aureus subsp. aureus USA300",
        "Candidatus Phytoplasma",
        "Lactobacillus sp.",
        "Lachnospiraceae bacterium",
        "uncultured bacterium",
        "synthetic construct",
        "Hepatitis B virus",
        "Ross River virus",
        "Human papillomavirus type 16",
        "Escherichia phage T4",
        "H1N1",
        "E. coli K-12",
        "Lactobacillus acidophilus DSM 20079",
        "Klebsiella pneumoniae ATCC 700603",
        "Escherichia coli O104:H4 str. 2011C-3493",
        "Escherichia coli 53638",
        "Human herpesvirus 4",
        "Enterovirus 71",
        "Influenza B virus (B/Yamagata/16/88)",
        "soil metagenome",
        "marine sediment metagenome",
        "lynx gut metagenome",
        "Lynx lynx gut metagenome",
        "Ovis aries gut metagenome",
        "Testudo graeca gut metagenome",
        "Homo Sapiens",
        "escherichia coli",
        # The genus is also a given name, but the epithet is known.
        "Rosa canina",
        # The genus is not listed, but has an ending that only genera have.
        "Testudinibacter aquarius",
    ],
)
def test_organism_is_accepted(name: str) -> None:
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
        "jane doe virus",
        "Rossi virus",
        "Rossivirus",
        "Sydney Ross virus",
        "Thomas metagenome",
        "Rossi metagenome",
        "Wolf metagenome",
        "Wuhan metagenome",
        "Rossi",
        "ROSSI",
        "Maria",
        "Rosa",
        "Rosa mulleri",
        "JANEDOE",
        "JD1980",
        "Huber7",
        "Maria-7",
        "Thomas mueller",
        "Petra mulleri",
        "Anna karenina",
        "maria rossi",
        "Svetlana petrova",
        "Theophilus magnus",
        "J. rossi",
        "Homo maria",
        "E. coli J D",
        "E. coli Huber7",
        "E. coli Quartzfeather7",
        "E. coli str. Maria",
        "E. coli str. Sakai Kyoto",
        "strain JD1980",
        "Homo sapiens 120485",
        "Homo sapiens 4711223",
        "Homo sapiens 7",
        "Homo sapiens 52.370 4.895",
        "Homo sapiens A1",
        "human gut metagenome 12345678",
        "human gut metagenome 7",
        "soil metagenome B7",
        "7 human gut metagenome",
        "human 4711",
        "E. coli 12 04 85",
        "E. coli 12.04.85",
        "E. coli 120485",
        "E. coli 850412",
        "E. coli x850412",
        "E. coli 4711 4712",
        "E. coli 52.370 4.895",
        "E. coli 4711223",
        "E. coli 12041985",
        "Homo sapiens JD1980",
        "Homo sapiens strain Quartz",
        "Homo sapiens J",
        "sapiens",
        "sp.",
        "Зебулон",
        "12345",
        "<script>",
        "E. coli\n" + "x" * 200,
    ],
)
def test_name_of_a_person_is_refused_and_not_quoted(name: str) -> None:
    assert not is_organism(" ".join(name.split()), POLICY.vocabulary)
    found = violations(raw_sample(organism=name))
    assert set(found) == {"sample.organism"}
    assert name not in found["sample.organism"]


@pytest.mark.parametrize("name", ["", "   ", "\u200b"])
def test_organism_is_required(name: str) -> None:
    assert violations(raw_sample(organism=name)) == {
        "sample.organism": "is required: a scientific or community name",
    }


def test_identifier_of_the_same_sample_is_refused_as_organism() -> None:
    metadata = {"first_name": "Angelica", "last_name": "Silvestris"}
    assert violations(raw_sample(organism="Angelica silvestris")) == {}
    found = violations(raw_sample(metadata, organism="Angelica silvestris"))
    assert "identifier of the same sample" in found["sample.organism"]
    assert violations(raw_sample(organism="Anna silva", subject="ANNA-SILVA"))


def test_sample_may_have_its_organism_as_label() -> None:
    assert anonymised(raw_sample({"sample_name": "E. coli"})).sample.organism == "E. coli"


def test_name_of_a_person_alone_is_not_a_taxon() -> None:
    people, organisms = POLICY.vocabulary.people, POLICY.vocabulary.organisms
    assert [name for name in sorted(people) if is_organism(name.title(), POLICY.vocabulary)] == []
    # A genus in both lists needs a known species.
    assert {"rosa", "iris", "victoria"} <= people & organisms.genera
