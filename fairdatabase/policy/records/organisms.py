"""Organisms: what a record says about its organism under titles of its metadata, and the one organism that it gets."""

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from fairdatabase.policy.records.drops import REPEATED, Dropped
from fairdatabase.policy.records.memo import Listed, Memo
from fairdatabase.policy.records.named_fields import LAST_TAXON_ID, NamedFields, organism_of_taxon
from fairdatabase.policy.records.sorting import Stored
from fairdatabase.policy.text.characters import clean, squash
from fairdatabase.policy.text.scalars import plain
from fairdb.samples.v1.sample_pb2 import RawSample

_ORGANISM, _TAXON_ID = "organism", "taxon_id"
_TAXON = re.compile(r"NCBITaxon:([1-9]\d{0,6})", re.ASCII)
_OWN_TITLES = ("organism", "scientificname")


class Titled(NamedTuple):
    """A value of the metadata that says something about the organism."""

    name: str
    field: str
    """The name of the policy's field: "organism" or "taxon_id"."""
    text: str


class Settled(NamedTuple):
    """The named fields, and the metadata that is left."""

    named: NamedFields
    listed: list[tuple[str, Listed]]
    values: list[Stored]
    equal: frozenset[str]
    """Names of metadata fields that say the same as a named field."""
    dropped: dict[str, Dropped]
    """Metadata fields that contradict a named field."""


def titled_values(listed: Iterable[tuple[str, Listed]], values: Iterable[Stored]) -> list[Titled]:
    """Return the stored values of a record that say something about its organism."""
    found = [
        Titled(name, text.field.name, text.stored)
        for name, text in listed
        if text.field.name == _ORGANISM or text.field.name == _TAXON_ID
    ]
    found += [
        Titled(name, field.name, plain(value))
        for name, field, value in values
        if field.name == _ORGANISM or field.name == _TAXON_ID
    ]
    return found


def with_organism(raw: RawSample, titled: Sequence[Titled], memo: Memo) -> RawSample:
    """Return the raw sample with the organism and taxonomy id that it names, in its own fields or in its metadata."""
    organism, taxon_id = _choose(raw, titled, memo), raw.taxon_id
    if not taxon_id and (match := _TAXON.fullmatch(clean(organism))):
        taxon_id = int(match[1])
    if (organism, taxon_id) == (raw.organism, raw.taxon_id):
        return raw
    named = RawSample()
    named.CopyFrom(raw)
    named.organism, named.taxon_id = organism, taxon_id
    return named


def own_organism(raw: RawSample, memo: Memo) -> str:
    """Return the organism that a raw sample names by itself, "" if it needs a default.

    A taxonomy id alone is not enough while there is a default.
    """
    titled: list[Titled] = []
    for name in raw.metadata:
        field = memo.match(name).field
        if field is not None and field.name == _ORGANISM:
            text = clean(raw.metadata[name].string_value)
            if memo.is_organism(text):
                titled.append(Titled(name, _ORGANISM, text))
    written = clean(raw.organism)
    if not titled and (not written or memo.policy.vocabulary.missing.term(written) is not None):
        return ""
    return _choose(raw, titled, memo)


def settle_organism(
    named: NamedFields,
    raw: RawSample,
    titled: Sequence[Titled],
    listed: list[tuple[str, Listed]],
    values: list[Stored],
    memo: Memo,
) -> Settled:
    """Remove from the metadata what the named fields say now, and drop what contradicts them.

    `raw` is the sample as it was sent.
    """
    missing = memo.policy.vocabulary.missing
    equal: set[str] = set()
    dropped: dict[str, Dropped] = {}
    for name, field, text in sorted(titled):
        if missing.term(text) is not None:
            equal.add(name)
        elif field == _TAXON_ID:
            if not named.taxon_id and "taxonId" not in named.dropped:
                named = named._replace(taxon_id=int(float(text)))
            (equal.add(name) if int(float(text)) == named.taxon_id else dropped.update({name: REPEATED}))
        elif squash(text) == squash(named.organism):
            equal.add(name)
        else:
            dropped[name] = REPEATED
    own = clean(raw.organism)
    if own and named.organism and missing.term(own) is None and squash(own) != squash(named.organism):
        named = named._replace(dropped=named.dropped | {_ORGANISM: REPEATED})
    gone = {name for name, _, _ in titled}
    return Settled(
        named,
        [item for item in listed if item[0] not in gone],
        [item for item in values if item[0] not in gone],
        frozenset(equal),
        dropped,
    )


def _choose(raw: RawSample, titled: Sequence[Titled], memo: Memo) -> str:
    """Return the organism of a record: the most specific name, else the sample's own, else the plainest title's.

    Of two names of which one continues the other, the longer is more specific: "Escherichia", "Escherichia coli".
    """
    missing = memo.policy.vocabulary.missing
    own = clean(raw.organism)
    is_named = memo.is_organism(own)
    if is_named and not titled:
        return raw.organism
    found = [(-1, "", own)] if is_named else []
    found += [
        (_rank(squash(name)), name, text)
        for name, field, text in titled
        if field == _ORGANISM and missing.term(text) is None
    ]
    if found:
        *_, chosen = min(found, key=lambda item: (not any(item[2].startswith(f"{text} ") for *_, text in found), item))
        return raw.organism if chosen == own else chosen
    if own and missing.term(own) is None:
        return raw.organism
    ids = [raw.taxon_id, *(int(float(text)) for _, field, text in sorted(titled) if field == _TAXON_ID)]
    taxon_id = next((number for number in ids if 0 < number <= LAST_TAXON_ID), None)
    return organism_of_taxon(taxon_id) if taxon_id is not None else raw.organism


def _rank(title: str) -> int:
    return _OWN_TITLES.index(title) if title in _OWN_TITLES else len(_OWN_TITLES)
