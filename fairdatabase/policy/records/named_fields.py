"""Named fields: the organism, taxonomy id and collection date, which are fields of the sample, not of its metadata."""

from typing import NamedTuple

from fairdatabase.policy.recognizers.organism import ADVICE
from fairdatabase.policy.recognizers.own_identifiers import Identifiers
from fairdatabase.policy.records.drops import IDENTIFYING, Cause, Dropped
from fairdatabase.policy.records.generalisation import Implausible, year_of
from fairdatabase.policy.records.memo import Memo
from fairdatabase.policy.tables.vocabulary import Vocabulary
from fairdatabase.policy.text.characters import clean
from fairdb.samples.v1.sample_pb2 import RawSample

# NCBI's taxonomy ids have at most seven digits. An id of six or seven digits could be a personal number, so it is
# compared with the identifiers of the same sample.
_LONG_TAXON_ID = 100_000
LAST_TAXON_ID = 9_999_999


IN_POLICY = {"organism": "organism", "taxonId": "taxon_id", "collectionDate": "collection_date"}
"""The name in the policy of each named field."""


class Year(NamedTuple):
    """The year of a collection date."""

    text: str
    """Empty if there is no valid date."""
    problem: str
    """What is wrong with the date; empty if nothing is wrong."""


class NamedFields(NamedTuple):
    """The stored named fields. A dropped or refused field is empty."""

    organism: str
    taxon_id: int
    collection_date: str
    dropped: dict[str, Dropped]
    """The dropped fields, by the name of the field."""
    refused: dict[str, str]
    """What is wrong with each refused field, by the name of the field."""


def read_year(raw: RawSample, vocabulary: Vocabulary) -> Year:
    """Return the year of the collection date."""
    written = clean(raw.collection_date)
    if not written or vocabulary.missing.term(written) is not None:
        return Year("", "")
    try:
        return Year(year_of(written), "")
    except Implausible as problem:
        if vocabulary.missing.in_table(written):
            return Year("", "")
        return Year("", str(problem))


def judge_named(raw: RawSample, year: Year, identifiers: Identifiers, memo: Memo) -> NamedFields:
    """Decide on the named fields. `identifiers` need only include those that may occur in the sample."""
    dropped: dict[str, Dropped] = {}
    refused: dict[str, str] = {}
    organism = clean(raw.organism)
    taxon_id = max(raw.taxon_id, 0)
    if problem := _problem_of_taxon_id(taxon_id, identifiers):
        taxon_id, dropped["taxonId"] = 0, Dropped(Cause.VALUE, problem)
    if problem := _problem_of_organism(organism, taxon_id, identifiers, memo):
        organism, refused["organism"] = "", problem
    collection_date = year.text
    if year.problem:
        dropped["collectionDate"] = Dropped(Cause.VALUE, year.problem)
    elif identifiers.occur_in(collection_date):
        collection_date, dropped["collectionDate"] = "", IDENTIFYING
    return NamedFields(organism, taxon_id, collection_date, dropped, refused)


def organism_of_taxon(taxon_id: int) -> str:
    """Return the organism of a sample of which only the taxonomy id is known."""
    return f"NCBITaxon:{taxon_id}"


def _problem_of_organism(organism: str, taxon_id: int, identifiers: Identifiers, memo: Memo) -> str:
    if not organism:
        return "is required: a scientific or community name"
    if not memo.is_organism(organism) and organism != organism_of_taxon(taxon_id):
        return ADVICE
    if identifiers.occur_in_organism(organism):
        return "contains an identifier of the same sample; name the organism only"
    return ""


def _problem_of_taxon_id(taxon_id: int, identifiers: Identifiers) -> str:
    if taxon_id > LAST_TAXON_ID:
        return "is not an NCBI Taxonomy id: those have up to 7 digits"
    if taxon_id >= _LONG_TAXON_ID and identifiers.occur_in(str(taxon_id)):
        return "contains an identifier of the same sample; give the organism's NCBI Taxonomy id"
    return ""
