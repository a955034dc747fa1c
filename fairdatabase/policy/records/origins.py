"""Origins: whether a sample is of a person, as far as its own fields say so."""

import re
from collections.abc import Iterable
from enum import IntEnum

from fairdatabase.policy.tables.fields import Field
from fairdatabase.policy.tables.people import PlainWords
from fairdatabase.policy.tables.vocabulary import Vocabulary
from fairdatabase.policy.text.scalars import Scalar, plain
from fairdb.privacy.v1.field_class_pb2 import FieldClass

_PUBLIC = FieldClass.FIELD_CLASS_PUBLIC
_HOSTS = frozenset(("host_species", "host_common_name", "host_taxid", "host_species_ontology_term_id"))
_WORD = re.compile(r"[a-z]+")
_HUMAN_TAXA = frozenset(("9606", "63221", "741158"))
_USUAL = frozenset(("Homo sapiens", "human", "Human", "9606"))
_NUMBER = re.compile(r"[1-9]\d*")
# "NCBITaxon:10090", "taxid 10090".
_OF_IDS = frozenset(("ncbitaxon", "ncbi", "taxon", "taxid", "txid", "id", "obo", "http", "https", "purl", "org"))
# "Human papillomavirus" is named after its host, but may have grown in a dish.
_VIRUS = re.compile(r"virus|viridae|phage")
# Fields of these actions say where and when a sample was taken, which environmental samples have as well.
_OF_PLACES = frozenset(("country", "grid", "coordinates", "year", "prefix"))
_NAMES_OF_PLACES = frozenset(("region", "continent"))
# Numbers, notes and answers that samples of any kind have.
_OF_SAMPLES = frozenset(("number", "text", "answer"))


class Evidence(IntEnum):
    """What a field says about the origin of a sample."""

    NONE = 0
    DETAIL = 1
    """Samples of any kind may have it."""
    FACT = 2
    """Only a person, or an animal that is named as the host, has it."""
    HOST = 3


class EvidenceOf(dict[Field, Evidence]):
    """The evidence of each field."""

    def __init__(self, plain_words: PlainWords) -> None:
        super().__init__()
        self._plain = plain_words

    def __missing__(self, field: Field) -> Evidence:
        if field.is_raised:
            return Evidence.DETAIL
        found = self[field] = self._of(field)
        return found

    def _of(self, field: Field) -> Evidence:
        if field.name in _HOSTS:
            return Evidence.HOST
        if field.field_class == _PUBLIC or field.action in _OF_PLACES or field.name in _NAMES_OF_PLACES:
            return Evidence.NONE
        is_detail = field.action in _OF_SAMPLES or field.name in self._plain.of_any_sample
        return Evidence.DETAIL if is_detail else Evidence.FACT


class Origin(IntEnum):
    """Where a sample comes from. The higher, the more must be hidden."""

    ELSEWHERE = 0
    """An animal, a plant or an environment."""
    UNCLEAR = 1
    """Perhaps a person: "Escherichia coli" of a sample that says nothing else."""
    PERSON = 2


def origin_of(
    organism: str,
    taxon_id: int,
    has_subject: bool,
    values: Iterable[tuple[Field, Scalar]],
    evidence: EvidenceOf,
    vocabulary: Vocabulary,
) -> Origin:
    """Return the origin of a sample with these stored values.

    A human host or organism decides it, then another host. A donor of whom the sample says more may be a person all the
    same. Without a host, a donor or a fact about a person decides, then the environment or the part of the body that
    the organism names.
    """
    plain_words, term = vocabulary.plain, vocabulary.missing.term
    has_other_host = has_detail = has_fact = False
    for field, value in values:
        kind = evidence[field]
        if kind is Evidence.NONE:
            continue
        if kind is Evidence.HOST:
            if (is_human := _is_human(plain(value), vocabulary)) is True:
                return Origin.PERSON
            has_other_host = has_other_host or is_human is False
        elif not has_fact and not (isinstance(value, str) and term(value) is not None):
            has_detail = True
            has_fact = kind is Evidence.FACT
    words = set(_WORD.findall(organism.lower()))
    is_human = not words.isdisjoint(plain_words.human) and not _VIRUS.search(organism.lower())
    if is_human or str(taxon_id) in _HUMAN_TAXA:
        return Origin.PERSON
    if has_other_host:
        return Origin.UNCLEAR if has_subject and has_fact else Origin.ELSEWHERE
    if has_subject or has_fact:
        return Origin.PERSON
    if taxon_id in plain_words.taxa or not words.isdisjoint(plain_words.environments):
        return Origin.ELSEWHERE
    # "gut metagenome" may be of an animal, too.
    has_part = not words.isdisjoint(plain_words.parts)
    return Origin.PERSON if has_detail or has_part else Origin.UNCLEAR


def _is_human(host: str, vocabulary: Vocabulary) -> bool | None:
    """Return whether a host is a person, or None if it says nothing."""
    if host in _USUAL:
        return True
    if vocabulary.missing.term(host) is not None:
        return None
    words, numbers = set(_WORD.findall(host.lower())), _NUMBER.findall(host)
    if not words.isdisjoint(vocabulary.plain.human) or not _HUMAN_TAXA.isdisjoint(numbers):
        return True
    if words <= _OF_IDS:
        # Any other number may be mistyped.
        return None if vocabulary.plain.other_hosts.isdisjoint(numbers) else False
    return None if words <= vocabulary.plain.unclear_hosts else False
