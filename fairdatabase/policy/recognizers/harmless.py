"""Harmless spans of free text: accessions, ontology ids, organisms, quantities. They are set aside before redaction."""

import re
from collections.abc import Callable

from fairdatabase.policy.recognizers.cues import AFTER_EPONYMS, EPONYMS
from fairdatabase.policy.tables.vocabulary import Vocabulary
from fairdatabase.policy.text.dates import is_numeric_date

# A private character stands for each span that is set aside. Clean text has none.
_FIRST = 0xE000
_MOST = 0x1000
_PLACE = re.compile(f"[{chr(_FIRST)}-{chr(_FIRST + _MOST - 1)}]")

_WORD = re.compile(r"[a-z]+")
_BEGIN, _END = r"(?<![^\W_])", r"(?![^\W_])"
# One word that has a digit.
_ACCESSIONS = (
    r"(?i:[sed]r[rsxpz]\d{6,9}|prj(?:na|eb|db|da|ca)\d{2,8}|sam(?:n|ea|d|eg)a?\d{6,12}|gc[af]_\d{9}(?:\.\d+)?)",
    r"(?i:erz\d{6,9}|gs[em]\d{2,8}|gpl\d{2,6}|cr[arx]\d{6,7}|ega[sdnfxrcp]\d{11}|mgy[sagp]\d{6,12}|mgm\d{7}(?:\.\d)?)",
    r"(?:N[CGMRTWZP]|X[MRP]|[WYA]P|AC)_(?:[A-Z]{2,4})?\d{6,9}(?:\.\d+)?",
    r"[A-Z]{1,6}\d{5,10}\.\d{1,2}",
    r"(?:[OPQ]\d(?=\d{0,2}[A-Z])[A-Z\d]{3}\d|[A-NR-Z]\d(?:[A-Z][A-Z\d]{2}\d){1,2})",
    r"(?i:rs|ss)\d{4,11}",
    r"ENS[A-Z]{0,4}[GTPE]\d{11}(?:\.\d+)?",
    r"(?:COG|PF|IPR|TIGR|ko|map|MSTR|DB|NCT|ISRCTN|ACTRN|DRKS|EUCTR|MTBLS|PXD|MGP|CAZY|ARO:|PTHR|SSF|cd)\d{4,14}",
    r"(?i:(?:ncbi:? ?)?tax(?:on(?:omy)?)?[ _]?id|txid)[ :=]{0,2}\d{1,8}",
    r"10\.\d{4,9}/[^\s,;]{1,80}[^\s,;.)\]]",
)
# A word that says what the next one is.
_LABELLED = (
    r"(?i:uniprot(?:kb)?|swiss-?prot)[ :]{1,2}[A-Z]\d[A-Z\d]{3}\d",
    r"(?i:pmid|pubmed(?: id)?|medline)[ :#]{0,2}\d{5,8}|PMC ?\d{5,8}",
    r"(?i:doi(?:\.org/|[: ]{1,2})?)?10\.\d{4,9}/[^\s,;]{1,80}[^\s,;.)\]]",
    r"(?i:ar|bio|med)[xX]iv[ :]{1,2}\d{4}\.\d{4,5}(?:v\d)?",
    r"(?i:genbank|accession|acc\.?|refseq|ncbi)(?: (?:no|nr|number)\.?)?[ :#]{1,2}[A-Z]{1,6}_?\d{5,10}(?:\.\d+)?",
    r"EC[ :]?\d(?:\.(?:\d{1,3}|-)){3}|CAS[ :]?(?:(?:no|nr|number)\.?[ :]{1,2})?\d{2,7}-\d\d-\d",
    r"(?:OMIM|MIM|ORPHA|Orphanet|KEGG|UMLS|HGNC|NCBIGene|ATC)[:_ ]{1,2}[A-Z]{0,2}\d{1,7}",
    r"(?:ICD-?(?:9|10|11)(?:-CM)?|M[Ee][Dd]DRA)[:_ ]{1,2}[A-Z]?\d{1,7}(?:\.\d{1,2})?",
    r"SNOMED(?:[ -]?CT)?[:_ ]{1,2}\d{6,8}(?:00\d|\d)?",
)
_COLLECTIONS = (
    "ATCC|DSMZ?|NCTC|CCUG|JCM|LMG|CBS|KCTC|CIP|NBRC|NCIMB|BCRC|CECT|NRRL|CGMCC|VPI|BEI|IAM|CNCM|PTA|PCM|HAMBI|MTCC"
)
_STRAINS = rf"(?:{_COLLECTIONS})(?:[ -](?:BAA|PTA|MYA|I))?[ :-]{{0,2}}\d{{1,7}}(?:[A-Z]{{1,2}}|T)?"
_CATALOGUE = (
    r"(?i:(?:cat(?:alogu?e?)?|kat|artikel|art|lot|batch|charge|chargen|partij|lote|lotto|partia|part|kit|product|"
    r"produkt"
    r"|producto|produit|prodotto|produto|bestell|article|articolo|articulo|item|flow ?cell|chip|referenzgenom|sku|p/n)"
    r"(?:[ .-]{0,2}(?:no|nr|num|number|nummer|numero|numer|code|id|n°|no\.|#))?[.:#º° ]{1,3})"
    r"(?=[A-Za-z-]{0,6}\d)[A-Za-z\d][A-Za-z\d/-]{2,19}"
)
_SEQUENCES = (
    r"(?:5['′’]?-)?(?=[ACGTUNRYSWKMBDHVI]{6})[ACGTU]+(?:[NRYSWKMBDHVI]{1,4}[ACGTU]+)*[NRYSWKMBDHVI]?(?:-3['′’]?)?"
)
_LOWER_SEQUENCES = r"(?:5['′’]?-)?[acgtu]{3,}(?:[nryswkmbdhvi]{1,3}[acgtu]+)*(?<=[acgtunryswkmbdhvi]{10})(?:-3['′’]?)?"
_VERSIONS = (
    r"(?i:(?:qiime ?2?|dada2|silva|greengenes2?|kraken2?|bracken|metaphlan[234]?|humann[23]?|gtdb(?:-tk)?|samtools|"
    r"bowtie2?"
    r"|fastqc|multiqc|python|r|guppy|dorado|spades|megahit|unite|rdp|card|vsearch|cutadapt|trimmomatic|version|vers|"
    r"ver|v"
    r"|release|build|rel|bwa|blast\+?|picrust2?|mothur|phyloseq)[ .-]{0,2}(?:release|version|v\.?|r)?[ .]{0,2})"
    r"\d{1,4}(?:\.\d{1,4}){1,3}[a-z]?"
)
_COUNTS = (
    r"reads?|sequences?|seqs?|pairs?|bp|kb|mb|gb|tb|otus?|asvs?|cells?|cfu|copies|copy|contigs?|genomes?|clusters?|"
    r"bases?|counts?"
    r"|molecules?|spores?|ufc|kbe|kve|kopien|zellen|cellen|cellules?|celulas?|cellule|celler|komorek|soluja|"
    r"lecturas?|lectures?"
    r"|letture|leituras?|odczytow|lasningar|sekvenser|sekwencji|sekvenssia|sequenzen|sequenties|secuencias?|"
    r"sequenze|sequencias?"
    r"|rpm|x ?g|iu|ui|ie|dpi|hz|khz|mhz|ppm|pfu|genes?|events?"
)
_QUANTITY = rf"\d{{1,3}}(?:[., ]?\d{{3}}){{1,3}} ?(?i:{_COUNTS})"
_CLOCK = r"(?:[01]?\d|2[0-3]):[0-5]\d(?::[0-5]\d)?(?: ?(?i:h|hrs?|uhr|uur|am|pm|a\.m\.|p\.m\.|ora|godz|klo))"
_AT_TIME = (
    r"(?i:at|um|om|kl|klo|godz|las|ore|as|vers|gegen|rond|around|from|until|to|bis|tot) "
    r"(?:[01]?\d|2[0-3]):[0-5]\d(?!:)"
)
_EPONYM = rf"(?:{'|'.join(word.capitalize() for word in EPONYMS)})(?:['’]?s|['’])?[ -](?:{'|'.join(AFTER_EPONYMS)})"
_PAIRS = (
    "(?:Mann-? ?Whitney|Bray-? ?Curtis|Kruskal-? ?Wallis|Kaplan-? ?Meier|Benjamini-? ?Hochberg|Shapiro-? ?Wilk"
    "|Becton Dickinson|Macherey-Nagel|Sigma-Aldrich|Ziehl-Neelsen|Mueller-Hinton|Luria-Bertani|Bland-Altman"
    "|Hosmer-Lemeshow|Hardy-Weinberg)"
)
_WITH_DIGITS = re.compile(
    rf"{_BEGIN}(?=[^\s\d]{{0,12}}\d|[A-Z]{{2,6}}[ -])(?:{'|'.join((*_ACCESSIONS, _STRAINS, _QUANTITY))}){_END}"
)
_AFTER_LABEL = re.compile(f"{_BEGIN}(?:{'|'.join((*_LABELLED, _CATALOGUE, _VERSIONS))}){_END}")
_TIME = re.compile(f"{_BEGIN}(?:{_CLOCK}|{_AT_TIME}){_END}")
_LABELS = frozenset(
    """
    pmid pubmed medline pmc doi arxiv biorxiv medrxiv ncbi tax taxon taxonomy taxid txid uniprot uniprotkb
    swissprot swiss genbank accession acc refseq ec cas omim mim orpha orphanet kegg umls hgnc ncbigene atc icd
    meddra snomed cat catalog catalogue kat artikel art lot batch charge chargen partij lote lotto partia part kit
    product produkt producto produit prodotto produto bestell article articolo articulo item flow flowcell chip
    referenzgenom sku qiime dada silva greengenes kraken bracken metaphlan humann gtdb samtools bowtie fastqc
    multiqc python guppy dorado spades megahit unite rdp card vsearch cutadapt trimmomatic version vers ver
    release build rel bwa blast picrust mothur phyloseq lotnummer lotnr chargennummer katalognummer artikelnummer
    bestellnummer produktnummer batchnummer catalogusnummer v r
    """.split()  # noqa: SIM905
)
_SEQUENCE = re.compile(f"{_BEGIN}(?:{_SEQUENCES}|{_LOWER_SEQUENCES}){_END}")
_MAY_BE_SEQUENCE = re.compile(r"[ACGTU]{2}[A-Z]{4}|[A-Z]{4}[ACGTU]{2}")
_MAY_BE_LOWER_SEQUENCE = re.compile(r"[acgtu]{3}[acgtunryswkmbdhvi]{7}")
# A text in lower case without a match of this one has no match of _WITH_DIGITS.
_BESIDE_DIGITS = re.compile(r"[A-Za-z_:]\d|10\.|[Dd][ :=]{1,2}\d|\d[., ]?\d{3} ?[A-Za-z]")
_EPONYM_WORDS = frozenset((*EPONYMS, *_WORD.findall(_PAIRS.lower())))
_WITH_CAPITALS = re.compile(f"{_BEGIN}(?:{_EPONYM}|{_PAIRS}){_END}")
_CURIE = re.compile(r"(?<![^\W_])([A-Za-z][A-Za-z0-9]{1,11})[:_][A-Z]?(\d{1,9})(?![^\W_])")
# Ontologies that the vocabulary does not list, because their ids may not be stored as terms.
_MORE_ONTOLOGIES = frozenset(
    (("GO"), "OMIM", "MIM", "ORPHA", "GAZ", "RO", "SO", "ECO", "MP", "ARO", "KEGG", "HGNC", "PR", "XAO")
)
# A genus and an epithet, with a subspecies and a strain: "Escherichia coli str. K-12 MG1655".
_SPECIES = re.compile(
    r"(?<![^\W_])\[?(?P<genus>[A-Z][a-z]{3,30})\]?(?:_[A-Z])?"
    r"(?: (?P<epithet>[a-z]{3,30}|spp?\.?|cf\.|aff\.)(?![^\W_])"
    r"(?: (?:subsp|ssp|var|bv|biovar|pv|serovar|ser|sv)\.? [A-Za-z][a-z]{2,30}(?![^\W_])){0,2}"
    r"(?: (?:(?:strain|str\.|substr\.|isolate|stamm|stam|souche|cepa|ceppo|kanta|szczep|kmen|stammen) )?"
    r"(?=[A-Za-z:_/-]{0,10}\d)[A-Za-z\d][A-Za-z\d:_/.-]{0,14}[A-Za-z\d](?![^\W_])|"
    r" [A-Z][a-z]{3,12} (?=\d{4}(?!\d))){0,3})?"
)
_LONG_RUN = re.compile(r"\d{6}")
_RANK = frozenset(("sp", "sp.", "spp", "spp.", "cf.", "aff."))
_DIGITS_OF_DATE = 8
_DIGIT = re.compile(r"\d")
# A match of _WITH_DIGITS starts at most this many characters before its first digit: "ncbi: taxonomy id: 9606".
_LEAD = 20


def set_aside(text: str, words: frozenset[str], vocabulary: Vocabulary) -> tuple[str, list[str]]:
    """Return folded text, which has these words, with one private character for each harmless span; and the spans."""
    spans: list[str] = []

    def keep(span: str) -> str:
        if len(spans) >= _MOST:
            return span
        spans.append(span)
        return chr(_FIRST + len(spans) - 1)

    is_lower = text.islower()
    if not is_lower:
        if not _EPONYM_WORDS.isdisjoint(words):
            text = _WITH_CAPITALS.sub(lambda match: keep(match[0]), text)
        text = _SPECIES.sub(lambda match: _keep_species(match, vocabulary, keep), text)
    if _MAY_BE_LOWER_SEQUENCE.search(text) or not (is_lower or _MAY_BE_SEQUENCE.search(text) is None):
        text = _SEQUENCE.sub(lambda match: keep(match[0]), text)
    if _DIGIT.search(text):
        if ":" in text or "_" in text:
            text = _CURIE.sub(lambda match: keep(match[0]) if _is_id(match, vocabulary) else match[0], text)
        if not _LABELS.isdisjoint(words):
            text = _keep_labelled(text, keep)
        if ":" in text:
            text = _TIME.sub(lambda match: keep(match[0]), text)
        if (digit := _DIGIT.search(text)) and _may_have_digits(text, max(digit.start() - _LEAD, 0), is_lower=is_lower):
            text = _WITH_DIGITS.sub(lambda match: keep(match[0]), text)
    return text, spans


def _may_have_digits(text: str, begin: int, *, is_lower: bool) -> bool:
    """Return False if a cheap check shows that nothing from `begin` on matches _WITH_DIGITS."""
    may_match = not is_lower or _BESIDE_DIGITS.search(text, begin) is not None
    return may_match and _WITH_DIGITS.search(text, begin) is not None


def _keep_labelled(text: str, keep: Callable[[str], str]) -> str:
    pieces: list[str] = []
    done = 0
    for word in _WORD.finditer(text.lower()):
        start = word.start()
        if word[0] in _LABELS and start >= done and (match := _AFTER_LABEL.match(text, start)):
            pieces += (text[done:start], keep(match[0]))
            done = match.end()
    return "".join((*pieces, text[done:])) if pieces else text


def put_back(text: str, spans: list[str]) -> str:
    """Return text with its harmless spans instead of their private characters."""
    while spans and _PLACE.search(text):
        text = _PLACE.sub(lambda match: spans[ord(match[0]) - _FIRST], text)
    return text


def _is_id(match: re.Match[str], vocabulary: Vocabulary) -> bool:
    """Return whether a match is the id of an ontology, and no date or telephone number behind its prefix."""
    prefix, digits = match.groups()
    if prefix not in vocabulary.ontologies and prefix not in _MORE_ONTOLOGIES:
        return False
    if len(digits) > _DIGITS_OF_DATE:
        return prefix.startswith("SNOMED") and digits[6:8] == "00"
    return len(digits) < _DIGITS_OF_DATE or not is_numeric_date(digits)


def _keep_species(match: re.Match[str], vocabulary: Vocabulary, keep: Callable[[str], str]) -> str:
    """Set aside an organism: with its epithet and strain if it has an epithet, else a known genus alone."""
    organisms = vocabulary.organisms
    written, genus, epithet = match[0], match["genus"].lower(), match["epithet"] or ""
    is_epithet = epithet in _RANK or epithet in organisms.epithets
    is_genus = genus in organisms.genera and (is_epithet or genus not in vocabulary.people)
    if not is_genus:
        has_form = genus.endswith((*organisms.genus, *organisms.rank)) or epithet in organisms.epithets
        if not has_form or vocabulary.lexicon.name_flags(genus) or genus in vocabulary.people:
            return written
    if not (is_epithet or epithet.endswith(organisms.latin)):
        end = match.end("genus") - match.start()
        return keep(written[:end]) + written[end:]
    if _LONG_RUN.search(written):
        end = match.end("epithet") - match.start()
        return keep(written[:end]) + written[end:]
    return keep(written)
