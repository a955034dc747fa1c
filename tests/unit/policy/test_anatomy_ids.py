"""The id of a structure of one sex, or of an unborn child, reveals as much as its name."""

import pytest

from fairdb.privacy.v1.field_class_pb2 import FIELD_CLASS_PUBLIC, FIELD_CLASS_QUASI_IDENTIFIER
from tests.unit.policy.test_topics import class_of

OF_ONE_SEX = {
    "vagina": "UBERON:0000996",
    "mucosa of vagina": "UBERON:0004983",
    "vaginal fluid": "UBERON:0036243",
    "upper part of vagina": "UBERON:0003974",
    "posterior fornix of vagina": "UBERON:0016486",
    "anterior fornix of vagina": "UBERON:0016487",
    "vulva": "UBERON:0000997",
    "cervix": "UBERON:0000002",
    "external cervical os": "UBERON:0013760",
    "uterine lumen": "UBERON:0013769",
    "uterus": "UBERON:0000995",
    "endometrium": "UBERON:0001295",
    "endometrial cavity": "UBERON:0035465",
    "myometrium": "UBERON:0001296",
    "fallopian tube": "UBERON:0003889",
    "oviduct": "UBERON:0000993",
    "mucosa of uterine tube": "UBERON:0005048",
    "ovary": "UBERON:0000992",
    "follicular fluid": "UBERON:0000038",
    "corpus luteum": "UBERON:0002512",
    "greater vestibular gland": "UBERON:0000460",
    "clitoris": "UBERON:0002411",
    "placenta": "UBERON:0001987",
    "decidua": "UBERON:0002450",
    "chorionic villus": "UBERON:0007106",
    "amniotic fluid": "UBERON:0000173",
    "umbilical cord": "UBERON:0002331",
    "breast": "UBERON:0000310",
    "nipple": "UBERON:0002030",
    "lactiferous duct": "UBERON:0015134",
    "prostate gland": "UBERON:0002367",
    "prostatic urethra": "UBERON:0001335",
    "testis": "UBERON:0000473",
    "left testis": "UBERON:0004533",
    "epididymis": "UBERON:0001301",
    "vas deferens": "UBERON:0001000",
    "ejaculatory duct": "UBERON:0000999",
    "seminal vesicle": "UBERON:0000998",
    "semen": "UBERON:0001968",
    "bulbourethral gland secretion": "UBERON:0004691",
    "penis": "UBERON:0000989",
    "glans penis": "UBERON:0001299",
    "prepuce of penis": "UBERON:0001332",
    "scrotum": "UBERON:0001300",
    "female urethra": "UBERON:0001334",
    "male urethra": "UBERON:0001333",
    "beard": "UBERON:0010167",
    "Sertoli cell": "CL:0000216",
    "granulosa cell": "CL:0000501",
    "epithelial cell of prostate": "CL:0002231",
    "mammary gland epithelial cell": "CL:0002327",
}
UNBORN = {
    "vernix caseosa": "UBERON:0007108",
    "embryo": "UBERON:0000922",
    "fetal membrane": "UBERON:0005630",
    "embryonic tissue": "UBERON:0005291",
    "fetal cardiomyocyte": "CL:0002495",
}
# The same in other ontologies, and a structure that anatomy.toml does not list.
ELSEWHERE = [
    "FMA:19949", "FMA:17558", "FMA:7209", "FMA:7210", "FMA:9600", "FMA:17740", "FMA:18245", "FMA:19386", "FMA:18255",
    "FMA:9601", "BTO:0000243", "BTO:0000405", "BTO:0000975", "BTO:0001129", "BTO:0001363", "BTO:0001421", "EMAPA:29927",
    "EMAPA:18986", "FMA:20462", "BTO:0000634",
]  # fmt: skip
OF_EVERYBODY = [
    "UBERON:0000178", "UBERON:0001988", "UBERON:0002097", "UBERON:0001836", "UBERON:0000165", "UBERON:0001155",
    "UBERON:0002116", "UBERON:0001707", "UBERON:0001723", "UBERON:0001153", "UBERON:0001264", "UBERON:0002107",
    "UBERON:0002048", "UBERON:0000955", "UBERON:0001255", "UBERON:0002113", "UBERON:0016484", "UBERON:0016485",
    "UBERON:0000344", "UBERON:0002726", "FMA:64183", "FMA:9670", "FMA:7195", "BTO:0000440", "CL:0000232",
]  # fmt: skip
FIELDS = ("body_site", "body_site_ontology_term_id", "isolation_source", "env_medium", "tissue")


@pytest.mark.parametrize(("name", "id"), [*OF_ONE_SEX.items(), *UNBORN.items()])
def test_id_and_name_have_the_same_class(name: str, id: str) -> None:
    for field in FIELDS:
        for written in (id, id.replace(":", "_")):
            assert class_of(field, written) == FIELD_CLASS_QUASI_IDENTIFIER
    assert class_of("body_site", f"tissue [{id}]") == FIELD_CLASS_QUASI_IDENTIFIER
    # A name of words that the vocabulary does not list is not stored at all.
    assert class_of("body_site", name) in (FIELD_CLASS_QUASI_IDENTIFIER, None)


@pytest.mark.parametrize("id", ELSEWHERE)
def test_ids_of_other_ontologies_reveal_the_sex(id: str) -> None:
    assert class_of("body_site", id) == FIELD_CLASS_QUASI_IDENTIFIER
    assert class_of("body_site_ontology_term_id", id) == FIELD_CLASS_QUASI_IDENTIFIER


@pytest.mark.parametrize("id", OF_EVERYBODY)
def test_ids_of_what_everybody_has_are_public(id: str) -> None:
    assert class_of("body_site", id) == FIELD_CLASS_PUBLIC


def test_most_names_of_one_sex_are_stored() -> None:
    stored = [name for name in OF_ONE_SEX if class_of("body_site", name)]
    assert len(stored) > len(OF_ONE_SEX) / 2
