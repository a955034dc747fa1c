"""Values of people's samples: sites and materials, which stay public, and planted facts, which must not."""

_SITES = """
    subgingival plaque|supragingival plaque|anterior nares|left anterior naris|ascending colon mucosa|
    terminal ileum biopsy|stool in RNAlater|stool in ethanol|sigmoid colon biopsy|descending colon mucosa|
    transverse colon|rectal mucosa|rectal swab|cecum mucosa|duodenal aspirate|duodenal biopsy|gastric mucosa|
    gastric aspirate|gastric antrum|gastric corpus|jejunal aspirate|esophageal brushing|esophageal mucosa|
    tongue dorsum|tongue swab|buccal mucosa|buccal swab|hard palate|soft palate|palatine tonsils|keratinized gingiva|
    attached gingiva|saliva|unstimulated saliva|stimulated saliva|oral rinse|oropharyngeal swab|nasopharyngeal swab|
    nasopharyngeal aspirate|throat swab|nasal swab|middle meatus swab|nasal wash|sputum|induced sputum|
    bronchoalveolar lavage fluid|bronchial brushing|tracheal aspirate|lung tissue|left retroauricular crease|
    right retroauricular crease|left antecubital fossa|right antecubital fossa|volar forearm|left palm|right palm|
    forehead skin|glabella|scalp hair|scalp swab|external auditory canal|ear canal|conjunctival swab|axilla|
    left axilla|umbilicus|inguinal crease|interdigital web space|toe web space|toenail|fingernail|plantar heel|
    popliteal fossa|gluteal crease|alar crease|occiput|upper back|whole blood|peripheral blood|blood plasma|serum|
    venous blood|buffy coat|PBMC|dried blood spot|urine|midstream urine|first void urine|
    cerebrospinal fluid|synovial fluid|pleural fluid|bile|pancreatic juice|bone marrow aspirate|lymph node|liver biopsy|
    kidney biopsy|skin biopsy|muscle biopsy|adipose tissue|subcutaneous adipose tissue|distal gut|large intestine|
    small intestine|colon|rectum|feces|human feces|fecal sample|frozen stool|fecal swab|stool sample|mucosal biopsy|
    colonic lavage|ileal fluid|FFPE tissue
"""
_MEDIA = """
    feces|fecal material|saliva|mucus|sebum|urine|blood|human-associated habitat|human body|oral cavity|
    feces [ENVO:00002003]|ENVO:00002003|ENVO:00009003|skin|biofilm|gut|bodily fluid|UBERON:0001988
"""
_VISITS = "baseline|follow-up|screening|V1|visit 3|week 4|day 14|M12|final visit|end of study|first visit|T0|washout"
_DESIGNS = "case-control|longitudinal|cross-sectional|double blinded|observational study|randomized trial|pilot study"
_LABORATORY = {
    "collection_method": "rectal swab|stool collection kit|self collected stool|buccal swab|biopsy|aspirate",
    "collection_device": "swab|cotton swab|tube|needle|syringe|OMNIgene gut kit",
    "sample_storage": "-80|RNAlater|dry ice|frozen at -80 °C",
    "library_layout": "PAIRED|SINGLE|single-end",
    "library_selection": "RANDOM|PCR|size fractionation",
    "sample_control": "negative control|blank",
    "dna_extraction_kit": "Qiagen PowerSoil|QIAamp",
    "target_subfragment": "V4|V3-V4",
    "study_design": _DESIGNS,
}


def _split(values: str) -> list[str]:
    return [value.strip() for value in " ".join(values.split()).split("|")]


SITES = _split(_SITES)
PLAIN = [
    *(("body_site", value) for value in SITES),
    *(("isolation_source", value) for value in SITES[::2]),
    *(("sample_type", value) for value in SITES[1::2]),
    *(("env_medium", value) for value in _split(_MEDIA)),
    *(("visit_name", value) for value in _split(_VISITS)),
    *((field, value) for field, values in _LABORATORY.items() for value in _split(values)),
]

# By kind. No word of these reveals anything by itself.
PLANTED = {
    "health": """
        high blood sugar|low blood sugar|protein in urine|blood in urine|blood in stool|no bile|positive blood test|
        elevated bile|reduced heart|two heart events|low iron|high iron in blood|lung event|water in lung|fluid in knee|
        stool positive|urine negative|high sugar|acid in stomach|very low heart rate
    """,
    "diet": """
        no pork|no meat|no dairy|only fish|fish only|daily meat|never eggs|low sugar|high salt|no wheat|rice daily|
        without milk products|red meat twice weekly|mostly fruit and vegetables|no fish|beef often|less sugar
    """,
    "body": """
        no spleen|six fingers|missing left arm|one kidney|single kidney|no left lung|seven toes|absent thyroid|no teeth|
        three nipples|no hair|large head|glass eye|wooden leg|metal knee|short leg|no gallbladder|extra toe|two hearts|
        small left hand|half liver|no appendix|four fingers
    """,
    "received": """
        donor kidney|donor heart|liver of donor|artificial heart|donor liver tissue|kidney of individual 7|
        second liver|new lung|third lung|absent heart|new liver|donor lung left|organ donor kidney|person with one eye|
        volunteer skin
    """,
    "frequency": """
        stool three times daily|urine ten times|stool twice|often stool|rarely stool|frequently urine at night|
        stool once weekly|never stool|sometimes blood
    """,
}  # fmt: skip
PLANTED_VALUES = [value for values in PLANTED.values() for value in _split(values)]
# Public only in a sample of no person.
PLACES = _split("""
    village|cattle farm|farm|rural settlement|city|small village|urban biome|urban biome [ENVO:01000249]|ENVO:00000078|
    ENVO:01000773|farm soil|town|pig farm|dense settlement biome|fishing village
""")
