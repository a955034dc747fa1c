"""Fields for numbers and names of studies: these are stored, but dates and names of people are not."""

import pytest

from tests.unit.policy.samples import kept


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("study_name", name) for name in (
            "SchirmerM_2016", "HMP_2012", "QinJ_2012", "LeChatelierE_2013", "LifeLinesDeep_2016", "MetaCardis_2020_a",
            "HMP_2019_t2d", "HansenLBS_2018", "DeFilippisF_2019", "Obregon-TitoAJ_2015", "ThomasAM_2018a",
            "Schirmer_M_2016",
        )),
        ("pmid", "22699609"),
        ("pmid", "44999999"),
        ("qiita_study_id", "10317"),
        ("host_taxid", "9606"),
        ("host_taxid", "1904864"),
        ("bioproject", "PRJNA48479"),
        ("bioproject", "PRJEB11419"),
        ("bioproject", "EGAS00001001704"),
        ("bioproject", "phs000228.v4.p1"),
        ("biomarker_unit", "mg/dL;mm/Hg;mm/Hg"),
        ("biomarker_unit", "ng/ml;mg/dL;mm/Hg"),
        ("biomarker_unit", "kg/m2"),
        ("biomarker_unit", "\u03bcmol/L;IU/L;%"),
    ],
)  # fmt: skip
def test_value_about_the_study_stays(field: str, value: str) -> None:
    assert kept({field: value}) == {field: value}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("study_name", name) for name in (
            "JaneDoe_1985", "SmithJohn_1980", "JaneDoe_2010", "SmithJohn_2010", "JaneDoeE_2016", "SmithJohnA_2010",
            "SchirmerM_1985", "SchirmerM_2002", "SchirmerM_2099", "Quartzfeather_2016", "JANEDOE_2010",
            "QuartzFeather_2010",
        )),
        ("pmid", "45000000"),
        ("pmid", "99999999"),
        ("pmid", "12041985"),
        ("pmid", "19850412"),
        ("qiita_study_id", "850412"),
        ("qiita_study_id", "12345678"),
        ("host_taxid", "12345678"),
        ("bioproject", "PRJJD19850412"),
        ("bioproject", "PRJNA19850412"),
        ("bioproject", "EGAS19850412"),
        ("biomarker_unit", "Jane;Doe"),
        ("biomarker_unit", "Doe/Jane"),
        ("biomarker_unit", "mg/Jane"),
    ],
)  # fmt: skip
def test_value_that_may_be_about_a_person_is_dropped(field: str, value: str) -> None:
    assert kept({field: value}) == {}
