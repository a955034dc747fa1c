"""A term may contain words and numbers used in research, but none that may identify somebody."""

import pytest

from fairdatabase.policy.records.preview import preview
from fairdb.privacy.v1.field_class_pb2 import FieldClass
from fairdb.samples.v1.sample_service_pb2 import FieldPreview
from tests.unit.policy.samples import ANONYMISER, anonymised, kept, raw_sample


@pytest.mark.parametrize(
    "written",
    [
        "jane doe",
        "Jane Doe",
        "jane's",
        "kerkstraat 12",
        "1012 AB 14",
        "jane(at)x(dot)org",
        "jane&#64;x.org",
        "x.org/jane",
        "5 main street",
        "passport C01X00T47",
        "passport c01x00t47",
        "владимир петров",
        "გიორგი მამულაშვილი",
        "ᴊᴀɴᴇ ᴅᴏᴇ",
        "राम",
        "张 伟",
        "born on the twelfth of april nineteen eighty-five",
        "born 850412",
        "12 04 85",
        "j a n e",
        "April May",
        "Flora Rice",
        "third april",
        "s a m i",
    ],
)
def test_text_that_may_identify_somebody_is_not_a_sensitive_term(written: str) -> None:
    assert kept({"disease": written}) == {}


@pytest.mark.parametrize(
    "written",
    [
        "healthy",
        "Type 2 Diabetes Mellitus",
        "Keratitis",
        "tonsillitis",
        "COVID-19",
        "vitamin D, 5 µg",
        "β-blockers",
        "2-3 times per week",
        "metformin 500 mg",
        "once in 2 years",
        "white rice",
    ],
)
def test_sensitive_term_of_known_words_is_sensitive(written: str) -> None:
    result = anonymised(raw_sample({"disease": written}))
    assert result.sample.metadata["disease"].string_value
    assert result.classes == {"metadata.disease": FieldClass.FIELD_CLASS_SENSITIVE}


@pytest.mark.parametrize("written", ["cold sores", "quartzfeather felt ill", "patient 4711", "12 of 34 of 56"])
def test_sensitive_term_of_other_words_is_restricted_in_that_sample_only(written: str) -> None:
    raw = raw_sample({"disease": written, "diet": "vegan"})
    result = anonymised(raw)
    assert result.sample.metadata["disease"].string_value == written
    assert result.classes == {
        "metadata.disease": FieldClass.FIELD_CLASS_RESTRICTED,
        "metadata.diet": FieldClass.FIELD_CLASS_SENSITIVE,
    }
    shown = {field.name: field.field_class for field in preview(raw, ANONYMISER).fields}
    assert shown["metadata.disease"] == FieldPreview.CLASS_RESTRICTED
    assert anonymised(raw_sample({"disease": "healthy"})).classes == {
        "metadata.disease": FieldClass.FIELD_CLASS_SENSITIVE
    }


@pytest.mark.parametrize(
    "written",
    [
        "1012 AB 14",
        "patient 4711",
        "12 06 19",
        "age 97 years",
        "97 y",
        "12 04 85",
        "85.04.12",
        "12:04:85",
        "12|04|85",
        "12°04°85",
        "day 12 month 4 year 85",
        "day 12.04",
        "day 12-04",
        "d12 m4 y85",
        "day 1985",
        "2000",
        "male born 1985",
        "male 6 months",
        "4711",
        "hiseq 1985",
        "April May",
        "Flora Rice",
        "third april",
        "s a m i",
        1985,
        4711,
    ],
)
@pytest.mark.parametrize("field", ["body_site", "visit_type", "education"])
def test_possible_personal_number_is_not_a_public_term(field: str, written: str | int) -> None:
    assert kept({field: written}) == {}


@pytest.mark.parametrize(
    "written",
    [
        "V4",
        "V3-V4",
        "16S rRNA gene V3-V4 region",
        "ITS1",
        "515F/806R",
        "Illumina HiSeq 2500",
        "NextSeq 500/550",
        "Illumina NovaSeq 6000",
        "454 GS FLX Titanium",
        "day 7",
        "day -7",
        "T1",
        "week 12",
        "6 months",
        "timepoint 3",
        "visit 2",
        "pH 7.4",
        "-80",
        "-80 °C",
        "frozen at -80",
        "0-5 cm",
        "95% ethanol",
        "urban biome [ENVO:01000249]",
        "human-associated habitat (ENVO:00009003)",
        -80,
        4,
    ],
)
def test_number_in_a_listed_form_stays(written: str | int) -> None:
    assert kept({"visit_type": written}) == {"visit_type": written}
