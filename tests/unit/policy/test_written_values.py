"""Values are read as people and programs write them, or dropped with a reason; never stored as another value."""

import re
from typing import Any

import pytest

from fairdatabase.policy.recognizers.own_identifiers import Identifiers
from fairdatabase.policy.records.generalisation import Implausible, round_number
from fairdatabase.policy.records.rules import RULES, RuleContext
from fairdatabase.policy.tables.fields import Field
from tests.unit.policy.samples import POLICY, anonymised, kept, raw_sample


def stored(field: str, value: Any, **others: Any) -> Any:
    """Return the stored form of a value, None if it is not stored."""
    (found,) = [*kept({field: value, **others}, organism="soil metagenome").values(), None][:1]
    return found


def rounded(field: str, expected: Any) -> Any:
    """Return an expected value with the digits that the policy keeps of its field."""
    found = POLICY.resolve(field)
    if found is None or found.action not in ("number", "measurements"):
        return expected
    if isinstance(expected, str):
        return re.sub(
            r"(?<![\w.-])\d[\d.]*", lambda number: f"{round_number(float(number[0]), found.digits):g}", expected
        )
    return None if expected is None else round_number(expected, found.digits)


def why_dropped(field: str, value: Any, **others: Any) -> str:
    return anonymised(raw_sample({field: value, **others})).drop_reasons.get(field, "")


@pytest.mark.parametrize(
    ("field", "written", "expected"),
    [
        ("temp", "4 °C", 4),
        ("temp", "4 degrees C", 4),
        ("temp", "39.2 degF", 4),
        ("temp", "277.15 K", 4),
        ("temp", "\u221218 Celsius", -18),
        ("depth", "250 cm", 2.5),
        ("depth", "1.2 km", 1200),
        ("depth", "10 ft", 3.05),
        ("depth", "2,5 metres", 2.5),
        ("depth", "5-15 cm", "0.05 - 0.15"),
        ("depth", "from 0.1 to 0.4 m", "0.1 - 0.4"),
        ("samp_size", "250 milligram", "0.25 g"),
        ("samp_size", "0.5, g", "0.5 g"),
        ("samp_size", "1.5 L", "1500 mL"),
        ("samp_size", "0.2", 0.2),
        ("ph", "pH 6.8", 6.8),
        ("ph", "8.1 pH units", 8.1),
        ("salinity", "33.5 PSU", 33.5),
        ("salinity", "35 g/kg", 35),
        ("humidity", "61 percent", 61),
        ("dna_concentration", "40 ng/µl", 40),
        ("dna_concentration", "0.04 mg mL-1", 40),
        ("oxygen", "7.2 mg/l", "7.2 mg/L"),
        ("oxygen", "210 µmol/kg", "210 umol/kg"),
        ("number_bases", "2.4 Gb", 2_400_000_000),
        ("number_reads", "3.1 million", 3_100_000),
        ("storage_duration", "P2W", 14),
        ("storage_duration", "36 hours", 1.5),
        ("body_temperature", "100.4 °F", 38),
        ("systolic_blood_pressure", "16 kPa", 120),
        ("heart_rate", "64 /min", 64),
        ("gestational_age", "39+3", 39.4),
        ("gestational_age", "39 weeks 3 days", 39.4),
        ("glucose", "88 mg/dl", "88 mg/dL"),
        ("glucose", "4.9 mmol per L", "4.9 mmol/L"),
        ("biomarker_value", "12.5;n/a;80", "12.5;n/a;80"),
        ("crp", "0\\,7", 0.7),
        ("concentration", "12,5 ng/µL", "12.5 ng/uL"),
    ],
)
def test_number_with_unit_is_converted_to_the_unit_of_its_field(field: str, written: str, expected: Any) -> None:
    assert stored(field, written) == rounded(field, expected)


@pytest.mark.parametrize(
    ("field", "written", "reason"),
    [
        ("temp", "12 m", "must be given in °C"),
        ("temp", "20 degrees", "must be given in °C"),
        ("temp", "-9999", "code for a missing value"),
        ("temp", "-400", "must be between"),
        ("temp", "-99", "code for a missing value"),
        ("depth", "3 kg", "must be given in m"),
        ("depth", "15 - 5 cm", "must be a number"),
        ("samp_size", "3 swabs", "must be given in mL or g"),
        ("ph", "15.5", "must be between 0 and 14"),
        ("humidity", "130 %", "must be between 0 and 100"),
        ("dna_concentration", "> 100", "a bound such as"),
        ("crp", "<1 mg/L", "a bound such as"),
        ("glucose", "5 apples", "a number and a unit"),
        ("dna_concentration", "2,345", "can be read in two ways"),
        ("number_reads", "1234.5", "must be a whole number"),
        ("number_reads", "1.234", "must be a whole number"),
        ("temp", "25 ± 1 °C", "must be given in °C"),
    ],
)
def test_number_that_is_not_understood_is_dropped_with_its_reason(field: str, written: str, reason: str) -> None:
    assert stored(field, written) is None
    assert reason in why_dropped(field, written)


@pytest.mark.parametrize(
    ("field", "written", "expected"),
    [
        ("age", "41,5", "40-49"),
        ("age", "0,75", "0-9"),
        ("ph", "6,25", 6.25),
        ("temp", "-3,5", -3.5),
        ("bmi", "27,8", "25-29"),
        ("weight", "81,300", "80-89"),
        ("height", "1,82 m", "180-189"),
        ("number_reads", "2,345,678", 2_350_000),
        ("number_reads", "2 345 678", 2_350_000),
        ("number_reads", "2.345.678", 2_350_000),
        ("number_reads", "2'345'678", 2_350_000),
        ("number_reads", "23\u00a0456", 23_500),
        ("number_reads", "23,456", 23_500),
        ("number_reads", "12,34,567", 1_230_000),
        ("number_reads", "2.5x10^6", 2_500_000),
        ("dna_concentration", "1.234,5", 1230),
        ("dna_concentration", "1,234.5", 1230),
        ("latitude", "47,37", 47),
    ],
)
def test_decimal_comma_and_thousands_are_read_where_they_can_be_nothing_else(
    field: str, written: str, expected: Any
) -> None:
    assert stored(field, written) == rounded(field, expected)


@pytest.mark.parametrize("written", ["P41Y", "P41Y6M", "P501M", "PT365000H", "P41,5Y", "p41y2m10dT3H"])
def test_iso_duration_is_an_age(written: str) -> None:
    assert stored("age", written) == "40-49"


@pytest.mark.parametrize(
    "written",
    [
        "41 years", "41 Jahre", "41 ans", "41 jaar", "41 años", "41 anni", "41 anos", "41 år",
        "41 vuotta", "41 lat", "41-year-old", "41 y.o.", "aged 41", "41 yrs", "500 Monate", "500 mois", "500 maanden",
        "500 meses", "500 mesi", "500 månader", "500 måneder", "500 kuukautta", "500 miesięcy", "2150 Wochen",
        "2150 semaines", "2150 weken", "2150 semanas", "2150 settimane", "2150 veckor", "2150 uger", "2150 uker",
        "2150 viikkoa", "2150 tygodni", "15000 Tage", "15000 jours", "15000 dagen", "15000 días", "15000 giorni",
        "15000 dias", "15000 dagar", "15000 dage", "15000 dager", "15000 päivää", "15000 dni", "41 years 3 months",
        "41y3m", "40 Jahre und 11 Monate",
    ],
)  # fmt: skip
def test_age_is_read_in_the_languages_of_the_policy(written: str) -> None:
    assert stored("age", written) == "40-49"


@pytest.mark.parametrize(
    "written",
    [
        "41M",
        "41 m",
        "41F",
        "41 w",
        "M41",
        "41/M",
        "41 yo F",
        "41 h",
        "9 weeks of gestation",
        "~41",
        "41?",
        "40/41",
        "4O",
    ],
)
def test_age_that_may_mean_something_else_is_dropped(written: str) -> None:
    assert stored("age", written) is None
    assert why_dropped("age", written)


@pytest.mark.parametrize(
    ("field", "written", "expected"),
    [
        ("weight", "<60", "<60"),
        ("weight", "< 55 kg", "<60"),
        ("weight", "≤60", "<70"),
        ("weight", "below 40", "<40"),
        ("weight", "<10", "<40"),
        ("weight", ">120", "120+"),
        ("weight", "20-50", "<60"),
        ("bmi", "<25", "<25"),
        ("bmi", "<16", "<20"),
        ("bmi", "≥30", "30+"),
        ("bmi", "over 41", "40+"),
        ("age", "<30", "0-29"),
        ("age", "under 18", "0-19"),
        ("age", ">69", "70+"),
        ("age", "≥65 years", "60+"),
        ("age", "65 and older", "60+"),
        ("age", "18 to 24 years", "10-29"),
        ("age", "6-18 months", "0-9"),
        ("height", "<150", "<150"),
    ],
)
def test_bound_becomes_all_bands_that_it_leaves_possible(field: str, written: str, expected: str) -> None:
    assert stored(field, written) == expected


@pytest.mark.parametrize(("field", "written"), [("weight", "<140"), ("age", ">0"), ("bmi", "10-50"), ("age", "<0")])
def test_bound_that_leaves_every_band_possible_is_dropped(field: str, written: str) -> None:
    assert stored(field, written) is None
    assert why_dropped(field, written)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("2011/2013", "2011/2013"),
        ("2011-2013", "2011/2013"),
        ("2011-07/2012-02", "2011/2012"),
        ("2011-07-04/2012-02-01", "2011/2012"),
        ("2011-07-04/2011-08-01", "2011"),
        ("2011-07-04/31", "2011"),
        ("2011-07-04T10:00:00Z/2012-07-04T11:00:00Z", "2011/2012"),
        ("04/07/2011 - 01/02/2012", "2011/2012"),
        ("4/7/2011-1/2/2012", "2011/2012"),
        ("July 2011 to February 2012", "2011/2012"),
        ("2011.0", "2011"),
        ("4 de julio de 2011", "2011"),
        ("4. heinäkuuta 2011", "2011"),
        ("Monday, 4 July 2011", "2011"),
        ("4-Jul-11", "2011"),
        ("Jul '11", "2011"),
        ("31.07.11", "2011"),
    ],
)
def test_date_keeps_the_years_of_both_ends(written: str, expected: str) -> None:
    assert stored("collection_date", written) == expected
    assert anonymised(raw_sample(collection_date=written)).sample.collection_date == expected


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("11/07/04", "four digits"),
        ("12/11/10", "four digits"),
        ("04.07.45", "four digits"),
        ("4-Jul-45", "four digits"),
        ("Jul-11", "four digits"),
        ("25.12.98", "four digits"),
        ("2013/2011", "must not end before"),
        ("2011-12-28/01-05", "must be a date"),
        ("2011/..", "must be a date"),
        ("2011/2099", "until now"),
        ("40728", "day number of a spreadsheet"),
        ("TimePoint1", "must be a date"),
    ],
)
def test_date_with_an_unclear_year_is_dropped(written: str, reason: str) -> None:
    assert stored("collection_date", written) is None
    assert reason in why_dropped("collection_date", written)
    assert reason in anonymised(raw_sample(collection_date=written)).drop_reasons["collectionDate"]


PLACE = "47 N 9 E"


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("47°22'12\"N 8°32'24\"E", PLACE),
        ("47° 22′ 12″ N, 8° 32′ 24″ E", PLACE),
        ("N47.37 E8.54", PLACE),
        ("N 47° 22.2' E 8° 32.4'", PLACE),
        ("47 22 12 N 8 32 24 E", PLACE),
        ("47:22:12N 8:32:24E", PLACE),
        ("47.37N8.54E", PLACE),
        ("8.54 E, 47.37 N", PLACE),
        ("47,37 N; 8,54 E", PLACE),
        ("47,37, 8,54", PLACE),
        ("POINT(8.54 47.37)", PLACE),
        ("lat 47.37, long 8.54", PLACE),
        ("(47.37, 8.54)", PLACE),
        ("\u221233.45 \u221270.67", "33 S 71 W"),
        ("\u201333.45, \u201370.67", "33 S 71 W"),
        ("33 deg 27 min S 70 deg 40 min W", "33 S 71 W"),
        ("0.2 S 0.3 W", "0 N 0 E"),
    ],
)
def test_coordinates_are_read_in_every_notation(written: str, expected: str) -> None:
    assert stored("lat_lon", written) == expected


@pytest.mark.parametrize(
    "written",
    ["33.45 S -70.67 W", "-33.45 S 70.67 W", "33;27°S", "47.37 N 8.54", "47.37 N 8.54 N", "47.37 8.54 E", "47,37",
     "8.54", "4722N 00832E", "47°82'N 8°32'E", "47.5°22'N 8°32'E", "47.3-47.4 N 8.5 E", "32T 465000 5247000"],
)  # fmt: skip
def test_coordinates_that_contradict_themselves_are_dropped(written: str) -> None:
    assert stored("lat_lon", written) is None
    assert why_dropped("lat_lon", written)


@pytest.mark.parametrize(
    ("field", "written", "expected"),
    [
        ("latitude", "33.45 S", -33),
        ("latitude", "S 33.45", -33),
        ("latitude", "33°27'S", -33),
        ("latitude", "33,45° S", -33),
        ("longitude", "70.67W", -71),
        ("longitude", "\u221270.67", -71),
        ("longitude", "8.54 east", 9),
        ("longitude", "33.45 S", None),
        ("latitude", "8.54 E", None),
        ("latitude", "-33.45 S", None),
        ("latitude", "33;27", None),
        ("latitude", "97.2 N", None),
    ],
)
def test_latitude_and_longitude_may_have_a_side(field: str, written: str, expected: float | None) -> None:
    assert stored(field, written) == expected


TYPED = (
    "age",
    "bmi",
    "temp",
    "collection_date",
    "latitude",
    "lat_lon",
    "country",
    "postcode",
    "host_taxid",
    "glucose",
    "visit",
)


@pytest.mark.parametrize("field", TYPED)
@pytest.mark.parametrize(
    "written",
    ["None", "none", "NaN", "nan", "NaT", "<NA>", "NULL", "null", "\\N", "#N/A", "#NULL!", "#DIV/0!", "#VALUE!", ".",
     "-", "--", "'--", "n.d.", "ND", "N/D", "?", "(null)", "[NA]", "na", "n/a"],
)  # fmt: skip
def test_word_of_a_program_for_no_value_is_blank(field: str, written: str) -> None:
    result = anonymised(raw_sample({field: written}))
    assert (dict(result.sample.metadata), result.drop_reasons) == ({}, {})


@pytest.mark.parametrize(
    ("field", "written", "expected"),
    [
        ("medication", "none", "none"),
        ("special_diet", "None", "None"),
        ("medication", "NaN", None),
        ("body_site", "--", None),
        ("body_site", "-", None),
        ("sex", "\\N", None),
        ("body_site", "[Not Available]", "not available"),
        ("body_site", "[Not Applicable]", "not applicable"),
        ("age", "[Not Applicable]", "not applicable"),
        ("age", "missing: lab stock", "missing: lab stock"),
        ("age", "Missing:Sample_Group", "missing: sample group"),
        ("temp", "missing - endangered species", "missing: endangered species"),
        ("country", "MISSING: third-party data", "missing: third party data"),
        ("body_site", "missing: synthetic construct", "missing: synthetic construct"),
        ("year", "Missing: Data_Agreement established pre 2023", "missing: data agreement established pre-2023"),
        ("latitude", "missing:human-identifiable", "missing: human-identifiable"),
        ("bmi", "missing: not provided", "not provided"),
        ("age", "Not Reported", "not reported"),
    ],
)
def test_term_for_a_missing_value_is_no_value_in_any_spelling(field: str, written: str, expected: str | None) -> None:
    assert stored(field, written) == expected
    assert why_dropped(field, written) == ""


def test_dash_in_a_sensitive_field_may_mean_negative() -> None:
    assert stored("hiv_status", "-") is None
    assert why_dropped("hiv_status", "-")


def test_collection_date_may_be_a_missing_term() -> None:
    for written in ("missing: data agreement established pre-2023", "NaT", "-", "[Not Available]", "none"):
        result = anonymised(raw_sample(collection_date=written))
        assert (result.sample.collection_date, result.drop_reasons) == ("", {})


@pytest.mark.parametrize(
    ("field", "written", "expected"),
    [
        ("host_taxid", "10090.0", "10090"),
        ("host_taxid", 10090.0, 10090.0),
        ("pmid", "23456789.0", "23456789"),
        ("qiita_study_id", "850.00", "850"),
        ("host_taxid", "10090.5", None),
        ("year", "2011.0", "2011"),
        ("visit", "3.0", 3),
    ],
)
def test_whole_number_may_be_written_with_a_fraction_of_zero(field: str, written: Any, expected: Any) -> None:
    assert stored(field, written) == expected


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        ({"zip": "7030", "country": "USA"}, None),
        ({"zip": "7030"}, None),
        ({"us_zip": 7030}, None),
        ({"postcode": "7030.0", "geo_loc_name": "USA: Hoboken"}, None),
        ({"postcode": "1067", "country": "Germany"}, None),
        ({"plz": "1067"}, None),
        ({"postcode": "501", "country": "United States"}, None),
        ({"postcode": "D-1067"}, None),
        ({"zip": "07030", "country": "USA"}, "07"),
        ({"zip": "07030-1234"}, "07"),
        ({"postcode": "D-01067"}, "01"),
        ({"postcode": "DE-20095"}, "20"),
        ({"postcode": "NL-3511 AB"}, "35"),
        ({"postcode": "NL 3511AB"}, "35"),
        ({"postcode": "CH-8001"}, "80"),
        ({"plz": "8001", "country": "Switzerland"}, "80"),
        ({"postcode": "A-1010"}, "10"),
        ({"postcode": "EH1 1YZ"}, "EH"),
    ],
)
def test_postcode_without_its_zeros_is_dropped_and_a_country_prefix_is_ignored(
    metadata: dict[str, Any], expected: str | None
) -> None:
    assert kept(metadata).get("postcode") == expected
    assert (next(iter(metadata)) in anonymised(raw_sample(metadata)).drop_reasons) == (expected is None)


@pytest.mark.parametrize(
    ("field", "written"),
    [("timepoint", "T2"), ("visit", "V03"), ("visit", "Week 12"), ("visit", "Day -1"), ("visit", "follow-up 2"),
     ("time_point", "screening"), ("visit", "D6"), ("visit", "6 weeks"), ("visit", "pre-treatment"),
     ("replicate", "b"),
     ("replicate", "rep2"), ("replicate", "rep 3"), ("visit", "2nd visit"), ("visit", "End of treatment")],
)  # fmt: skip
def test_code_of_a_visit_is_kept(field: str, written: str) -> None:
    assert stored(field, written) == written


@pytest.mark.parametrize(
    "written",
    ["relapse", "AB123", "JD1980", "2019-03-01", "Quartzfeather", "p-77123", "John", "ward 12 Utrecht", "1234"],
)
def test_visit_that_is_not_a_short_code_is_dropped(written: str) -> None:
    assert stored("visit", written) is None
    assert why_dropped("visit", written)


BANDS = [field for field in POLICY.fields.values() if field.action == "band"]
CONTEXT = RuleContext(POLICY.vocabulary, Identifiers((), POLICY.vocabulary), {})


@pytest.mark.parametrize("field", BANDS, ids=lambda field: field.name)
def test_every_band_comes_back_unchanged_when_it_is_sent_again(field: Field) -> None:
    def generalised(written: str) -> Any:
        try:
            return RULES["band"](field, written, CONTEXT)
        except Implausible:
            return None

    unit = field.unit
    ends = range(0, int(field.top) + field.width, field.width // 2)
    written = [f"{form.format(end)} {unit}" for end in ends for form in ("{}", "<{}", "≤{}", ">{}", "≥{}", "{}.9")]
    written += [f"{low} - {high} {unit}" for low in ends for high in ends if low <= high]
    bands = {band for text in written if (band := generalised(text)) is not None}
    assert len(bands) > 20
    assert {band: generalised(band) for band in bands} == {band: band for band in bands}


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("North Sea: Doggerland", "North Sea"),
        ("Baltic Sea:Gotland Basin", "Baltic Sea"),
        ("South Pacific Ocean", "South Pacific Ocean"),
        ("Southern Ocean", "Southern Ocean"),
        ("Yugoslavia: Split", "Yugoslavia"),
        ("Zaire: Kinshasa", "Zaire"),
        ("Korea, Democratic People's Republic of", "North Korea"),
        ("Korea, Republic of", "South Korea"),
        ("Congo, The Democratic Republic of the", "Democratic Republic of the Congo"),
        ("Virgin Islands, British", "British Virgin Islands"),
        ("Österreich", "Austria"),
        ("Nederland", "Netherlands"),
        ("Lyon, France", "France"),
        ("Atlanta, Georgia, USA", "United States"),
        ("Georgia, USA", "United States"),
        ("Guam, USA", "Guam"),
        ("Hong Kong, China", "Hong Kong"),
        ("Atlanta, Georgia", None),
        ("Quartztown", None),
    ],
)
def test_place_becomes_its_country_or_sea(written: str, expected: str | None) -> None:
    assert stored("geo_loc_name", written) == expected


@pytest.mark.parametrize(("title", "written", "expected"), [
    ("Geschlecht", "w", "Female"), ("geschlecht", "W", "Female"), ("Geschlecht", "männlich", "Male"),
    ("geschlecht", "Weiblich", "Female"), ("Geschlecht", "d", "Other"), ("Geschlecht", "divers", "Other"),
    ("Patient Geschlecht", "w", "Female"), ("geslacht", "V", "Female"), ("geslacht", "m", "Male"),
    ("sexe", "h", "Male"), ("Sexe", "F", "Female"), ("sexe", "féminin", "Female"), ("sexe", "female", "Female"),
    ("Geschlecht", "unbekannt", "unknown"), ("Geschlecht (1=m, 2=w)", "2", "Female"),
    ("Geschlecht (1=male, 2=female)", "1", "Male"), ("sexe (1=homme, 2=femme)", "1", "Male"),
    ("Geschlecht", "q", None), ("sex", "w", None), ("sex", "h", None), ("sexo", "h", None),
])  # fmt: skip
def test_letters_of_a_sex_count_under_titles_of_their_language(title: str, written: str, expected: str | None) -> None:
    assert kept({title: written}).get("sex") == expected
