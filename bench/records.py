"""Records: invented raw samples of forty fields, like the samples in MIxS and curatedMetagenomicData sheets."""

import json
import random
from collections.abc import Callable, Sequence
from typing import Any

FIELDS = 40

_SITES = (
    ("feces", "UBERON:0001988", "human gut metagenome"),
    ("saliva", "UBERON:0001836", "human oral metagenome"),
    ("skin of palm", "UBERON:0008878", "human skin metagenome"),
    ("tongue", "UBERON:0001723", "human oral metagenome"),
)
_COUNTRIES = (
    ("Netherlands", "NCIT:C16903", 52, 5),
    ("China", "NCIT:C16428", 35, 104),
    ("United States", "NCIT:C17234", 40, -105),
    ("Denmark", "NCIT:C16496", 56, 10),
)
_DISEASES = (("Healthy", "NCIT:C115935"), ("Type 2 Diabetes Mellitus", "NCIT:C26747"), ("Obesity", "NCIT:C3283"))
_SEXES = (("Female", "NCIT:C16576"), ("Male", "NCIT:C20197"))
_PLATFORMS = ("Illumina HiSeq 2500", "Illumina MiSeq", "Illumina NovaSeq 6000")
_KITS = ("Qiagen", "MO BIO PowerSoil", "QIAamp DNA Stool")
_TEXT = "stool sample taken at home before breakfast and frozen within hours after collection without preservative"
_WORDS = _TEXT.split(" ")


def write_records(count: int, seed: int = 7, donors: Sequence[str] = ()) -> list[str]:
    """Return `count` different samples as JSON: donor, dates, places, measurements and texts differ in each.

    If `donors` are given, the samples are assigned to them in turn.
    """
    dice = random.Random(seed)
    forms: tuple[Callable[[random.Random, str], dict[str, Any]], ...] = (_curated, _checklist)
    return [json.dumps(forms[number % len(forms)](dice, _donor(dice, number, donors))) for number in range(count)]


def _donor(dice: random.Random, number: int, donors: Sequence[str]) -> str:
    if donors:
        return donors[number % len(donors)]
    return f"{('HV', 'subject-')[number % 2]}{dice.randint(10_000, 99_999)}-{number}"


def _curated(dice: random.Random, donor: str) -> dict[str, Any]:
    site, site_id, organism = dice.choice(_SITES)
    country, country_id, _, _ = dice.choice(_COUNTRIES)
    disease, disease_id = dice.choice(_DISEASES)
    sex, sex_id = dice.choice(_SEXES)
    age = dice.randint(18, 79)
    metadata = {
        "study_name": "SchirmerM_2016",
        "subject_id": donor,
        "sample_id": f"G{dice.randint(10_000, 99_999)}",
        "target_condition": "Intestinal Flora",
        "target_condition_ontology_term_id": "NCIT:C93019",
        "control": "Study Control",
        "control_ontology_term_id": "NCIT:C142703",
        "country": country,
        "country_ontology_term_id": country_id,
        "body_site": site,
        "body_site_ontology_term_id": site_id,
        "age_group": "Adult",
        "age_group_ontology_term_id": "NCIT:C49685",
        "age": str(age),
        "age_unit": "Year",
        "age_max": str(age),
        "age_min": str(age),
        "antibiotics_current_use": dice.choice(("Yes", "No")),
        "biomarker_name": "Cholesterol Measurement;Diastolic Blood Pressure Measurement",
        "biomarker_unit": "mg/dL;mm/Hg",
        "biomarker_value": f"{dice.uniform(120, 260):.7f};{dice.randint(55, 95)}",
        "bmi": f"{dice.uniform(18, 38):.2f}",
        "curator": "Paolo_Manghi",
        "disease": disease,
        "disease_ontology_term_id": disease_id,
        "dna_extraction_kit": dice.choice(_KITS),
        "ncbi_accession": f"SRR{dice.randint(10**6, 10**7)};SRR{dice.randint(10**6, 10**7)}",
        "obgyn_pregnancy": "Not Pregnant",
        "obgyn_pregnancy_ontology_term_id": "NCIT:C82475",
        "pmid": "27984736",
        "sequencing_platform": "IlluminaHiSeq",
        "sex": sex,
        "sex_ontology_term_id": sex_id,
        "smoker": "Non-smoker (finding);Never smoked tobacco (finding)",
        "smoker_ontology_term_id": "SNOMED:8392000;SNOMED:266919005",
        "treatment": "Not applicable",
        "westernized": "Yes",
        "host_species": "Homo sapiens",
        "number_reads": dice.randint(10**7, 10**8),
        "median_read_length": 101,
    }
    assert len(metadata) == FIELDS
    return {"organism": organism, "taxonId": 408170, "collectionDate": _day(dice), "metadata": metadata}


def _checklist(dice: random.Random, donor: str) -> dict[str, Any]:
    site, site_id, organism = dice.choice(_SITES)
    country, _, latitude, longitude = dice.choice(_COUNTRIES)
    metadata = {
        "sample_name": f"{donor}.{site.replace(' ', '.')}",
        "host_subject_id": donor,
        "collection_date": _day(dice),
        "geo_loc_name": f"{country}: region {dice.randint(1, 99)}",
        "lat_lon": f"{latitude + dice.random():.4f} N {abs(longitude) + dice.random():.4f} {'EW'[longitude < 0]}",
        "env_broad_scale": "human-associated habitat [ENVO:00009003]",
        "env_local_scale": f"{site} [{site_id}]",
        "env_medium": "feces [UBERON:0001988]",
        "env_package": "human-gut",
        "host_taxid": 9606,
        "host": "Homo sapiens",
        "host_age": dice.randint(1, 89),
        "host_sex": dice.choice(("female", "male")),
        "host_height": f"{dice.randint(150, 199)} cm",
        "host_tot_mass": f"{dice.uniform(48, 110):.1f} kg",
        "host_body_mass_index": round(dice.uniform(18, 38), 2),
        "host_body_site": site,
        "host_body_product": "feces",
        "host_body_temp": round(dice.uniform(36, 38), 1),
        "host_diet": dice.choice(("Omnivore", "Vegetarian", "Vegan")),
        "host_disease_stat": "healthy",
        "host_occupation": "teacher",
        "ethnicity": "Caucasian",
        "smoking_status": dice.choice(("never", "former", "current")),
        "alcohol_frequency": "Rarely (a few times/month)",
        "bowel_movement_quality": "normal formed",
        "samp_store_temp": "-80",
        "samp_store_dur": f"{dice.randint(1, 200)}",
        "samp_size": round(dice.uniform(0.1, 2.0), 3),
        "samp_collect_device": "swab",
        "nucl_acid_ext": "QIAamp DNA Stool",
        "target_gene": "16S rRNA",
        "target_subfragment": "V4",
        "pcr_primers": "GTGCCAGCMGCCGCGGTAA",
        "seq_meth": "Illumina MiSeq",
        "instrument_model": dice.choice(_PLATFORMS),
        "library_layout": "paired",
        "barcode": "".join(dice.choices("ACGT", k=12)),
        "experimental_factor": "diet",
        "description": f"{' '.join(dice.sample(_WORDS, 9))}, tube {dice.randint(1, 9999)}, donor {donor}",
    }
    assert len(metadata) == FIELDS
    return {"organism": organism, "taxonId": 408170, "metadata": metadata}


def _day(dice: random.Random) -> str:
    return f"{dice.randint(2008, 2023)}-{dice.randint(1, 12):02}-{dice.randint(1, 28):02}"
