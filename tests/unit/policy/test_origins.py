"""Origins of samples: which hosts show that a sample is of no person, and which say nothing."""

from typing import Any

import pytest

from fairdatabase.policy.records.origins import Origin
from tests.unit.policy.samples import ANONYMISER, raw_sample

DONOR: dict[str, Any] = {"subject": "K-2208"}


def origin(metadata: dict[str, object], organism: str = "gut metagenome", **fields: Any) -> Origin:
    judged = ANONYMISER.judge(raw_sample(metadata, organism=organism, **fields))
    return ANONYMISER.origin(judged, judged.named.organism)


@pytest.mark.parametrize("taxon", [
    "9605", "9604", "207598", "314295", "9526", "314293", "376913", "9443", "314146", "9347", "32525", "40674", "32524",
    "7742", "7711", "33208", "2759", "131567", "1", "9607", "960", "96060", "9660", "6906", 9608,
])  # fmt: skip
def test_taxon_that_may_mean_people_says_nothing(taxon: object) -> None:
    assert origin({"host_taxid": taxon}, **DONOR) == Origin.PERSON
    assert origin({"host_taxid": taxon, "age": 41}) == Origin.PERSON
    assert origin({"host_taxid": taxon}, "Escherichia coli") == Origin.UNCLEAR


@pytest.mark.parametrize("host", [
    "Hominidae", "Homininae", "Primates", "Mammalia", "Metazoa", "Eukaryota", "Catarrhini", "Vertebrata", "Amniota",
    "cellular organisms", "Theria; Eutheria", "adult", "healthy volunteer", "Person", "infant", "donor",
])  # fmt: skip
def test_name_that_may_mean_people_says_nothing(host: str) -> None:
    assert origin({"host": host}, **DONOR) == Origin.PERSON
    assert origin({"host": host}, "Escherichia coli") == Origin.UNCLEAR


@pytest.mark.parametrize("host", ["Mus musculus", "10090", "pig", "Sus scrofa", "9913", "Mytilus edulis"])
def test_human_organism_wins_over_another_host(host: str) -> None:
    title = "host_taxid" if host.isdecimal() else "host"
    for organism in ("human gut metagenome", "Homo sapiens", "human skin metagenome", "Human oral metagenome"):
        assert origin({title: host}, organism) == Origin.PERSON
    assert origin({title: host}, "metagenome", taxon_id=9606) == Origin.PERSON


@pytest.mark.parametrize("host", ["Mus musculus", "10090", "chicken", "Sus scrofa", "9913", "rat"])
@pytest.mark.parametrize(
    "fact", [{"age": 41}, {"sex": "female"}, {"bmi": 23.4}, {"host_disease": "asthma"}, {"smoker": "no"}]
)
def test_donor_with_facts_beside_another_host_may_be_a_person(host: str, fact: dict[str, object]) -> None:
    title = "host_taxid" if host[-1].isdecimal() else "host"
    assert origin({title: host, **fact}, **DONOR) == Origin.UNCLEAR
    assert origin({title: host, **fact}) == Origin.ELSEWHERE
    assert origin({title: host}, **DONOR) == Origin.ELSEWHERE


@pytest.mark.parametrize("host", [
    "Mus musculus", "mouse", "Bos taurus", "Coffea arabica", "pig", "Gallus gallus", "root metagenome"
])  # fmt: skip
def test_other_host_shows_that_a_sample_is_of_no_person(host: str) -> None:
    assert origin({"host": host}) == Origin.ELSEWHERE
    assert origin({"host": host}, "Escherichia coli", **DONOR) == Origin.ELSEWHERE


@pytest.mark.parametrize("taxon", ["10090", "10116", "9913", "9823", "7955", "3702", "9615", 9031])
def test_known_taxon_shows_that_a_sample_is_of_no_person(taxon: object) -> None:
    assert origin({"host_taxid": taxon}, **DONOR) == Origin.ELSEWHERE
