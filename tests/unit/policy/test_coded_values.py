"""Names, ages, dates and codes of people in the form of a DOI, a number of an authority or a strain."""

from typing import Any

import pytest

from fairdb.privacy.v1.field_class_pb2 import FIELD_CLASS_PUBLIC, FIELD_CLASS_QUASI_IDENTIFIER, FIELD_CLASS_SENSITIVE
from tests.unit.policy.samples import POLICY, anonymised, kept, raw_sample, violations
from tests.unit.policy.test_topics import class_of

PUBLICATIONS = [field.name for field in POLICY.fields.values() if field.action == "publication"]
METHODS = [name for name in PUBLICATIONS if name not in ("doi", "pmid")]
PAPERS = [
    "10.1093/nar/gkab1112", "10.1101/2020.03.04.976712", "10.1126/science.aaa1234", "10.1073/pnas.1234567890",
    "10.7717/peerj.1234", "10.1002/mbo3.1234", "10.1136/gutjnl-2018-317571", "10.5281/zenodo.1234567",
    "10.1080/19490976.2020.1234567", "10.1038/nature11234", "10.1056/NEJMoa1234567", "10.3390/nu12051474",
    "10.1007/s00253-019-10345-1", "10.1111/j.1462-2920.2012.02817.x", "https://doi.org/10.1093/nar/gkab1112",
    "doi:10.7717/peerj.1234", "10.1038/s41564-019-0406-6", "10.1371/journal.pone.0012345", "10.3389/fmicb.2019.01234",
    "10.1038/s41586-020-2649-2", "10.1038/ismej.2012.8", "10.1038/nrmicro3552", "10.1016/j.cell.2014.09.053",
    "10.1016/j.chom.2015.04.004", "10.1016/S0140-6736(19)30041-8", "10.1101/2021.11.02.466951", "10.1101/gr.112730.110",
    "10.1093/nar/gkq1019", "10.1093/bioinformatics/btu170", "10.1093/infdis/jiz321", "10.3389/fcimb.2020.00178",
    "10.1186/s40168-018-0401-z", "10.1186/2049-2618-2-26", "10.1371/journal.pcbi.1002358", "10.1128/mSystems.00123-19",
    "10.1128/AEM.00062-07", "10.1128/mbio.01018-14", "10.1073/pnas.1002611107", "10.1126/science.1223813",
    "10.1126/scitranslmed.aad0917", "10.5281/zenodo.3941", "10.1002/hep.31535", "10.1111/1462-2920.13589",
    "10.1111/mec.15675", "10.7554/eLife.65088", "10.3390/microorganisms8111715", "10.3390/ijms21124567",
    "10.1099/ijsem.0.004332", "10.1136/bmj.k2179", "10.6084/m9.figshare.12345678.v2",
    "10.12688/f1000research.15931.2", "10.21203/rs.3.rs-123456/v1", "10.48550/arXiv.2106.04567",
]  # fmt: skip
PEOPLE = [
    "10.1234/mary.poppins", "10.5555/smith-anna", "10.1038/garcia", "10.4321/anna.1985", "10.1234/f41.utrecht",
    "10.1234/62m", "10.1234/m62", "10.1234/p017", "10.1234/sub-204", "10.1234/hv12", "10.1234/ks.1961",
    "10.1234/19610412", "10.1234/12.04.1961", "10.1234/1961-04-12", "10.1234/120461", "10.1234/zenodo.kowalski",
    "10.1234/kowalski1961", "10.1234/quartzfeather", "10.1234/female.41", "doi:10.1234/mary",
    "https://doi.org/10.1234/anna-1985",
    "10.1234/mjones1974", "10.5555/mj1974", "10.1234/mj-1974", "10.1234/mj.1974", "10.1234/1974mj",
    "10.1234/mrn0093371",
    "10.1234/nhs9434765919", "10.1234/lw8842", "10.1234/pt0103", "10.1234/s.0103", "10.1234/b-57-m", "10.1234/b.f.57",
    "10.1234/57/f", "10.1234/gout4410", "10.1234/gb1974", "10.1234/nm1974", "10.1234/8842", "10.1234/1974",
    "10.1234/donor.103", "10.1234/gkab1112", "10.1234/aaa1234", "10.1038/mj1974", "10.1093/nar/mj1974",
    "10.1016/mj.1974",
    "10.1016/j.jones.2009.04.001", "10.1136/jones-2019-317571", "10.1093/jones/41.1.103",
    "10.1101/mj1974", "10.1101/1974.04.11.123456", "10.1126/science.mj1974",
    "10.1371/journal.mj.1974", "10.5281/zenodo.mj1974", "10.1002/mj.1974", "10.1111/mj.1974", "10.7717/peerj.mj1974",
    "10.1234/nature.mj.1974", "10.3390/mj1974", "10.3389/mj.1974.01234", "10.1128/mj.1974-12", "10.1234/journal.p.0103",
]  # fmt: skip
AGES = ["34", "7", "61", "103", "1961", "1987", "PMID: 34", "PMID:1961", "610412"]


@pytest.mark.parametrize("paper", PAPERS)
def test_papers_are_public(paper: str) -> None:
    assert kept({"doi": paper}) == {"doi": paper}
    assert class_of("doi", paper) == FIELD_CLASS_PUBLIC


@pytest.mark.parametrize("person", [*PEOPLE, *AGES])
def test_people_are_no_papers(person: str) -> None:
    for start in range(0, len(PUBLICATIONS), 10):
        assert kept(dict.fromkeys(PUBLICATIONS[start : start + 10], person)) == {}
        # A method may be named by a DOI in small letters only.
        assert kept(dict.fromkeys(PUBLICATIONS[start : start + 10], person.upper())) == {}


def test_paper_of_the_records_own_code_is_dropped() -> None:
    assert kept({"doi": "10.1093/nar/gkab1112", "ph_meth": "10.1093/nar/gkab1112"}, subject="GKAB-1112") == {}
    assert kept({"doi": "10.7717/peerj.5512"}, subject="peerj.5512") == {}
    assert kept({"ph_meth": "10.7717/peerj.5512"}, subject="PEERJ 5512") == {}
    assert kept({"pmid": "22699609"}, subject="22699609") == {}


def test_methods_name_papers() -> None:
    assert len(METHODS) > 20
    for name in METHODS[:5]:
        assert kept({name: "PMID: 22699609"}) == {name: "PMID: 22699609"}
        assert kept({name: "10.7717/peerj.1234"}) == {name: "10.7717/peerj.1234"}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("host_taxid", "34"), ("host_taxid", "61"), ("host_taxid", "1961"), ("host_taxid", "120461"),
        ("taxon_id", "41"), ("taxon_id", "1987"), ("taxon_id", "103"), ("qiita_study_id", "34"),
        ("qiita_study_id", "1961"), ("host_taxid", 61), ("taxon_id", "610412"),
    ],
)  # fmt: skip
def test_number_that_may_be_an_age_a_year_or_a_date_is_not_public(field: str, value: str) -> None:
    assert class_of(field, value) == FIELD_CLASS_QUASI_IDENTIFIER


@pytest.mark.parametrize(
    ("field", "value"),
    [("host_taxid", "9606"), ("host_taxid", "10090"), ("taxon_id", "562"), ("taxon_id", "408170"),
     ("taxon_id", "256318"), ("qiita_study_id", "10317"), ("qiita_study_id", "550"), ("bioproject", "PRJNA48479")],
)  # fmt: skip
def test_usual_numbers_are_public(field: str, value: str) -> None:
    assert class_of(field, value) == FIELD_CLASS_PUBLIC


@pytest.mark.parametrize(
    "organism",
    [
        "Streptococcus sp. M41", "Escherichia coli F62", "E. coli f 41", "Bacteroides sp. 41F", "Escherichia coli 41",
        "Lactobacillus gasseri 62 M", "E. coli KS1961", "Staphylococcus aureus AB-1985",
        "Klebsiella pneumoniae strain M-62", "Escherichia coli ks1961", "E. coli KS61", "E. coli KS-61",
        "E. coli K1961S",
        "E. coli 1961KS", "Escherichia coli KS.1961", "E. coli S1961", "Escherichia coli 1961", "E. coli isolate 62yF",
        "Bacteroides sp. B62M", "E. coli KS62F", "E. coli ksz1961", "E. coli 61KS", "E. coli str. ks-1961",
        "Escherichia coli isolate KS 61", "E. coli 2009", "E. coli kslm2009", "Escherichia phage T1961",
    ],
)  # fmt: skip
def test_strain_that_may_be_a_sex_an_age_or_a_birth_is_not_public(organism: str) -> None:
    samples: list[dict[str, Any]] = [{"subject": "S1"}, {}, {"subject": "S1", "taxon_id": 562}]
    for fields in samples:
        assert anonymised(raw_sample(organism=organism, **fields)).classes["organism"] >= FIELD_CLASS_QUASI_IDENTIFIER
    assert "organism" not in anonymised(raw_sample({"host": "Bos taurus"}, organism=organism)).classes
    virus = anonymised(raw_sample(organism="Human papillomavirus 41", subject="S1"))
    assert virus.classes["organism"] == FIELD_CLASS_SENSITIVE


@pytest.mark.parametrize(
    "organism",
    ["Escherichia coli K-12", "Pseudomonas aeruginosa PAO1", "Escherichia coli O157:H7", "Escherichia phage M13",
     "Bacillus subtilis 168", "Escherichia coli CFT073", "Staphylococcus aureus ATCC 25923", "human gut metagenome",
     "Escherichia coli str. K-12 substr. MG1655", "Escherichia coli BL21", "Escherichia coli Nissle 1917",
     "Lactobacillus rhamnosus GG", "Staphylococcus aureus NCTC 8325", "Bacteroides fragilis JCM 1234",
     "Lactobacillus reuteri DSM 20016", "Escherichia coli ATCC 25922", "Escherichia coli O26:H11", "E. coli W3110",
     "Lactobacillus plantarum WCFS1", "Bacteroides thetaiotaomicron VPI-5482", "Pseudomonas aeruginosa PA14",
     "Bifidobacterium longum NCC2705", "Escherichia phage T4", "Mycobacterium bovis"],
)  # fmt: skip
def test_usual_strains_are_public(organism: str) -> None:
    assert "organism" not in anonymised(raw_sample(organism=organism, subject="S1")).classes


@pytest.mark.parametrize(
    ("organism", "subject"),
    [("E. coli Q204", "Q204"), ("E. coli Q204", "q-204"), ("Streptococcus sp. XQ204b", "Q204"),
     ("E. coli strain HV17", "HV 17"), ("Klebsiella pneumoniae KP-0912", "kp0912")],
)  # fmt: skip
def test_strain_is_not_the_records_own_subject(organism: str, subject: str) -> None:
    assert "sample.organism" in violations(raw_sample(organism=organism, subject=subject))
