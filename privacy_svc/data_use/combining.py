"""Combining: the terms that apply to a sample, from the terms of every consent that it depends on."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from fairdb.samples.v1.data_use_pb2 import DataUseTerm
from privacy_svc.data_use.duo import CLINICAL_CARE, PERMISSION_UNKNOWN, is_permission


@dataclass(frozen=True, slots=True)
class ConsentTerms:
    """The terms of one consent."""

    terms: Sequence[DataUseTerm]
    by_donor: bool
    """Whether the donor gave the consent, rather than the account."""
    in_force: bool = True


def combine(consents: Iterable[ConsentTerms]) -> list[DataUseTerm]:
    """Return the terms under which a sample may be used: all terms of all its consents, in a stable order.

    If the sample has a donor, the donor's permission decides, otherwise the account's. PERMISSION_UNKNOWN is added if
    the deciding permission is missing or no longer in force.
    """
    consents = list(consents)
    with_terms = [consent for consent in consents if consent.terms]
    # Clinical care is the only modifier that permits a use instead of restricting it. So it applies only if every
    # consent with terms has it.
    clinical_care = all(any(term.id == CLINICAL_CARE for term in consent.terms) for consent in with_terms)
    terms: list[DataUseTerm] = []
    for term in (term for consent in with_terms for term in consent.terms):
        if term not in terms and (term.id != CLINICAL_CARE or clinical_care):
            terms.append(term)
    deciding = [consent for consent in consents if consent.by_donor] or consents
    if not any(consent.in_force and any(map(is_permission, consent.terms)) for consent in deciding):
        terms.append(DataUseTerm(id=PERMISSION_UNKNOWN))
    return sorted(terms, key=lambda term: term.SerializeToString(deterministic=True))
