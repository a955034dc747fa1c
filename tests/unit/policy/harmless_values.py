"""Values of public fields that say nothing about a donor. They must stay public."""

_BY_FIELD = {
    "body_site": """
        feces|stool|oral cavity|gut|rectum|ileum|terminal ileum|skin|skin of forearm|nasal cavity|tongue dorsum|saliva|
        buccal mucosa|supragingival plaque|subgingival plaque|palatine tonsil|throat|colonic mucosa|sigmoid colon|
        descending colon|cecum|duodenum|stomach|esophagus|left palm|right antecubital fossa|external ear canal|
        blood|lung|liver|kidney|heart muscle|bone marrow|spinal cord|cervical lymph node|arm|hand|scalp|cheek|
        urinary bladder|thyroid gland|pancreas|UBERON:feces|UBERON:0001988|UBERON:0001707|feces [UBERON:0001988]|
        FMA:64183|BTO:0000440
    """,
    "body_product": "urine|blood plasma|serum|sputum|bronchoalveolar lavage fluid|sweat|sebum|mucus|bile|tears|saliva",
    "sample_type": """
        stool|rectal swab|nasopharyngeal swab|throat swab|colon biopsy|whole blood|white blood cell|dental plaque|swab|
        water|soil|mock community|blank|DNA|tissue|saliva sample|surface swab|dust|leaf|root
    """,
    "isolation_source": """
        feces|human feces|soil|seawater|wheat rhizosphere soil|river sediment|wastewater|drinking water|raw milk|cheese|
        chicken meat|air|floor|marine sediment|hot spring|Black Sea water|mouse cecum content|plant root|mock control|
        negative control|biofilm
    """,
    "env_broad_scale": """
        marine biome [ENVO:00000447]|urban biome [ENVO:01000249]|dense settlement biome|temperate forest biome|
        freshwater lake biome|ENVO:00000428|human-associated habitat|desert biome|village biome|
        mediterranean shrubland biome|        tropical coniferous forest biome
    """,
    "env_local_scale": """
        animal-associated habitat|lake|coastal sea water|agricultural field|farm|city|human body|pond|indoor air|
        hydrothermal vent|spring water|
        wastewater treatment plant|treated wastewater
    """,
    "env_medium": """
        feces [ENVO:00002003]|ENVO:00002003|fecal material [ENVO:00002003]|soil|sea water|sediment|air|fresh water|
        saliva|mucus|ENVO:00001998|sand|sludge|activated sludge|rhizosphere
    """,
    "env_package": "human-gut|human-oral|human-skin|soil|water|host-associated|sediment|air|wastewater sludge",
    "empo_3": "Animal distal gut|Water (saline)|Soil (non-saline)|Animal secretion|Plant rhizosphere",
    "sample_storage": "-80|frozen at -80 °C|RNAlater|ethanol|70% ethanol|dry ice|room temperature|30 days|OMNIgene",
    "sample_treatment": "untreated|bead beating|filtered water|frozen",
    "collection_device": "swab|cotton swab|tube|biopsy needle|syringe",
    "collection_method": "rectal swab|self collected|stool collection kit|aspirate",
    "sample_control": "negative control|positive control|control|blank|mock community",
    "study_design": "case-control|longitudinal|cross-sectional|observational study|randomized trial",
    "visit_type": "baseline|follow-up|screening|V1|M12|week 4|final visit|day 14",
    "sequencing_platform": "Illumina|ILLUMINA|Ion Torrent|PacBio|Oxford Nanopore",
    "instrument_model": "Illumina HiSeq 2500|MiSeq|NovaSeq 6000|Illumina NextSeq 500|MinION",
    "library_strategy": "WGS|AMPLICON|RNA-Seq",
    "library_source": "METAGENOMIC|GENOMIC|METATRANSCRIPTOMIC",
    "library_selection": "RANDOM|PCR",
    "library_layout": "PAIRED|SINGLE",
    "target_gene": "16S rRNA|18S rRNA|ITS|ITS1",
    "target_subfragment": "V4|V3-V4|V1-V2",
    "primer_name": "515F/806R|27F|341F",
    "dna_extraction_kit": "Qiagen PowerSoil|QIAamp|MoBio PowerSoil kit|phenol chloroform",
    "host_species": "Homo sapiens|Mus musculus|Bos taurus",
    "study_name": "SchirmerM_2016|YachidaS_2019|WhiteB_2018",
    "taxon_id": "9606|408170|562",
}
HARMLESS = [
    (field, value.strip()) for field, values in _BY_FIELD.items() for value in " ".join(values.split()).split("|")
]
