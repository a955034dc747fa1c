"""Sorting: groups the values of a record by what the policy does with them."""

from typing import NamedTuple

from fairdatabase.policy.recognizers.own_identifiers import Evidence, Identifiers
from fairdatabase.policy.records.drops import NOBODY, UNKNOWN, Dropped
from fairdatabase.policy.records.memo import Listed, Memo
from fairdatabase.policy.records.subjects import donor_of, fits_many
from fairdatabase.policy.records.values import Given
from fairdatabase.policy.tables.fields import Field
from fairdatabase.policy.tables.vocabulary import Vocabulary
from fairdatabase.policy.text.characters import clean, squash
from fairdatabase.policy.text.scalars import Scalar, plain
from fairdb.samples.v1.sample_pb2 import RawSample

Stored = tuple[str, Field, Scalar]
"""A name as its sender wrote it, the policy's field, and a value."""


class Sorted(NamedTuple):
    """The values of a record, grouped by how they are processed next. Blank values are left out."""

    listed: list[tuple[str, Listed]]
    """Values whose stored form is cached."""
    missing: list[Stored]
    """Missing-value terms, stored as they are."""
    judged: list[Stored]
    """Values that a rule must decide on."""
    dropped: dict[str, Dropped]
    donors: dict[str, str]
    """The donor that each field names, by the name of the field."""
    units: dict[str, str]
    """Units by the name of the field that gives them."""
    evidence: list[Evidence]
    """The direct identifiers among the values, in the record's order."""


def sort_values(given: list[Given], memo: Memo) -> Sorted:
    """Sort the values of a record."""
    listed_by_field, missing_term = memo.values, memo.policy.vocabulary.missing.term
    listed: list[tuple[str, Listed]] = []
    missing: list[Stored] = []
    judged: list[Stored] = []
    dropped: dict[str, Dropped] = {}
    donors: dict[str, str] = {}
    units_given: list[tuple[str, bool, bool, str, str]] = []
    evidence: list[Evidence] = []
    ends = memo.policy.vocabulary.missing.ends
    for name, field, value in given:
        if field is None:
            dropped[name] = UNKNOWN
            if isinstance(value, str):
                evidence.append(("", value))
        elif field.is_stored:
            if (found := listed_by_field[field].get(value)) is not None:  # pyright: ignore[reportArgumentType]
                listed.append((name, found))
            elif value is None:
                continue
            elif isinstance(value, str) and value[0] + value[-1] in ends and (term := missing_term(value)) is not None:
                if term:
                    missing.append((name, field, term))
            else:
                if field.action == "year":
                    # Day and month may identify the donor, so the date is erased from all other values.
                    evidence.append(("date", plain(value)))
                elif field.action == "answer" and memo.policy.vocabulary.questions.answer(value) is None:
                    # Only an answer shows that the title is a question.
                    dropped[name] = UNKNOWN
                    evidence.append(("", plain(value)))
                    continue
                judged.append((name, field, value))
        elif field.action == "subject":
            if value is None or (donor := donor_of(plain(value), memo.policy.vocabulary)) is None:
                continue
            if fits_many(donor):
                dropped[name] = NOBODY
            else:
                donors[name] = donor
                evidence.append(("code", donor))
        else:
            dropped[name] = memo.dropped_by_rule[field]
            if value is None:
                continue
            if field.action == "unit":
                units_given.append((field.name, *_rank_of_unit(name, field, value, memo), plain(value)))
            elif field.identifies:
                evidence.append((field.identifies, plain(value)))
    # Of several units of one field, the first one stays.
    units = {ranked[0]: ranked[-1] for ranked in sorted(units_given, reverse=True)} if units_given else {}
    return Sorted(listed, missing, judged, dropped, donors, units, evidence)


def _rank_of_unit(name: str, field: Field, value: Scalar, memo: Memo) -> tuple[bool, bool, str]:
    """Return the sort key of a unit that its field may give under several names: the first one counts."""
    is_missing = isinstance(value, str) and memo.policy.vocabulary.missing.term(value) is not None
    return is_missing, squash(name) != squash(field.name), name


def gather_identifiers(raw: RawSample, donor: str | None, found: Sorted, vocabulary: Vocabulary) -> Identifiers:
    """Return the record's own direct identifiers; `donor` is the donor in the sample's subject field."""
    evidence: list[Evidence] = [("code", donor)] if donor and not fits_many(donor) else []
    return Identifiers([*evidence, ("date", clean(raw.collection_date)), *found.evidence], vocabulary)
