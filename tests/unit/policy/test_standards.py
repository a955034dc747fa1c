"""Standards: the lists of the archives are complete, and the terms of MIxS have a field of the right class."""

import pytest

from fairdb.privacy.v1.field_class_pb2 import FieldClass
from tests.unit.policy.records import GROUPS
from tests.unit.policy.samples import POLICY, kept

LISTS = [
    (field, value)
    for group in GROUPS
    if group["action"] == "term"
    for field in group["fields"]
    for value in group.get("values", ())
]
CLASSES = {
    "public": FieldClass.FIELD_CLASS_PUBLIC,
    "quasi": FieldClass.FIELD_CLASS_QUASI_IDENTIFIER,
    "sensitive": FieldClass.FIELD_CLASS_SENSITIVE,
    "restricted": FieldClass.FIELD_CLASS_RESTRICTED,
    "direct": FieldClass.FIELD_CLASS_UNSPECIFIED,
}


def test_each_value_of_a_controlled_list_is_kept_in_any_case() -> None:
    assert len(LISTS) > 300
    for field, value in LISTS:
        for written in (value, value.upper(), value.lower()):
            assert kept({field: written}) == {field: written}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("Platform", "OXFORD_NANOPORE"), ("platform", "ION_TORRENT"), ("instrument", "AB SOLiD 4hq System"),
        ("Instrument", "Illumina HiScanSQ"), ("instrument model", "DNBSEQ-T10x4RS"), ("Model", "Sequel IIe"),
        ("LibraryStrategy", "DNase-Hypersensitivity"), ("Assay Type", "MeDIP-Seq"),
        ("library_strategy", "Tethered Chromatin Conformation Capture"),
        ("LibrarySource", "TRANSCRIPTOMIC SINGLE CELL"),
        ("library source", "VIRAL RNA"), ("LibrarySelection", "cDNA_oligo_dT"),
        ("library_selection", "5-methylcytidine antibody"),
        ("library selection", "padlock probes capture method"), ("LibraryLayout", "PAIRED"),
    ],
)  # fmt: skip
def test_run_tables_keep_their_terms(field: str, value: str) -> None:
    assert list(kept({field: value}).values()) == [value]


@pytest.mark.parametrize("value", ["Quartzfeather", "Jane Doe", "Illumina Quartz", "AB 3730 Zebulon"])
def test_value_beside_the_list_must_still_be_known(value: str) -> None:
    assert kept({"instrument_model": value}) == {}


@pytest.mark.parametrize(
    ("term", "title", "class_"),
    [
        ("annual_precpt", "mean annual precipitation", "public"),
        ("cur_land_use", "current land use", "public"),
        ("soil_horizon", "soil horizon", "public"),
        ("tot_org_carb", "total organic carbon", "public"),
        ("carb_nitro_ratio", "carbon/nitrogen ratio", "public"),
        ("diss_org_carb", "dissolved organic carbon", "public"),
        ("turbidity", "turbidity", "public"),
        ("wind_speed", "wind speed", "public"),
        ("barometric_press", "barometric pressure", "public"),
        ("plant_growth_med", "plant growth medium", "public"),
        ("env_broad_scale", "broad-scale environmental context", "public"),
        ("samp_collect_device", "sample collection device", "public"),
        ("nucl_acid_ext", "nucleic acid extraction", "public"),
        ("geo_loc_name", "geographic location (country and/or sea,region)", "quasi"),
        ("lat_lon", "latitude and longitude", "quasi"),
        ("collection_date", "collection date", "quasi"),
        ("elev", "elevation", "quasi"),
        ("host_age", "host age", "quasi"),
        ("host_tot_mass", "host total mass", "quasi"),
        ("host_body_mass_index", "host body-mass index", "quasi"),
        ("host_sex", "host sex", "quasi"),
        ("host_occupation", "host occupation", "quasi"),
        ("link_climate_info", "link to climate information", "quasi"),
        ("host_diet", "host diet", "sensitive"),
        ("host_last_meal", "host last meal", "sensitive"),
        ("host_hiv_stat", "host HIV status", "sensitive"),
        ("ihmc_medication_code", "IHMC medication code", "sensitive"),
        ("ihmc_ethnicity", "IHMC ethnicity", "sensitive"),
        ("pulmonary_disord", "lung/pulmonary disorder", "sensitive"),
        ("dermatology_disord", "dermatology disorder", "sensitive"),
        ("gynecologic_disord", "gynecological disorder", "sensitive"),
        ("special_diet", "special diet", "sensitive"),
        ("sexual_act", "sexual activity", "sensitive"),
        ("maternal_health_stat", "maternal health status", "sensitive"),
        ("medic_hist_perform", "medical history performed", "sensitive"),
        ("pet_farm_animal", "presence of pets or farm animals", "sensitive"),
        ("travel_out_six_month", "travel outside the country in last six months", "sensitive"),
        ("blood_press_syst", "host blood pressure systolic", "restricted"),
        ("host_body_temp", "host body temperature", "restricted"),
        ("host_pulse", "host pulse", "restricted"),
        ("potassium", "potassium", "restricted"),
        ("samp_name", "sample name", "direct"),
        ("source_mat_id", "source material identifiers", "direct"),
        ("host_subject_id", "host subject id", "direct"),
        ("host_fam_rel", "host family relationship", "direct"),
    ],
)
def test_terms_of_mixs_are_known_by_name_and_title(term: str, title: str, class_: str) -> None:
    for name in (term, title, title.upper()):
        found = POLICY.listed(name)
        assert found is not None, name
        assert (name, found.field_class) == (name, CLASSES[class_])
