"""Data use: whether an intended use is one that the terms of a consent or a sample permit.

docs/decisions/data-use.md has the reasons.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from fairdb.samples.v1.data_use_pb2 import (
    USE_OUTCOME_NEEDS_PERSON,
    DataUseFinding,
    DataUseMatch,
    DataUseTerm,
    IntendedUse,
)
from privacy_svc.data_use.duo import CLINICAL_CARE, PERMISSION_UNKNOWN, is_permission, load_terms
from privacy_svc.data_use.use_rules import RULES, SEVERITY, Case


@dataclass(frozen=True, slots=True)
class Given:
    """The terms that one consent carries."""

    terms: Sequence[DataUseTerm]
    by_donor: bool
    """Whether it is the donor's; else it is the account's own."""
    in_force: bool = True


def match(terms: Sequence[DataUseTerm], use: IntendedUse, today: date) -> DataUseMatch:
    """Hold a use against terms that all bind; none at all permit nothing.

    `use.account` must be the reader's own id. Denied when one term denies, else undecided when one is undecided.
    """
    if not any(is_permission(term) or term.id == PERMISSION_UNKNOWN for term in terms):
        terms = [DataUseTerm(id=PERMISSION_UNKNOWN), *terms]
    # Care of patients is permitted beside a permission, so the permission has to know.
    care = any(term.id == CLINICAL_CARE for term in terms)
    findings = [_find(Case(term, use, today, care)) for term in terms]
    findings.sort(key=lambda finding: SEVERITY.index(finding.outcome))
    first = findings[0]
    return DataUseMatch(outcome=first.outcome, term=first.term, reason=first.reason, findings=findings)


def combine(consents: Iterable[Given]) -> list[DataUseTerm]:
    """Return the terms under which a sample that rests on these consents may be used: all of them.

    Where the permission that counts (the donor's, if there is one) is missing, the group of all permissions stands for
    it.
    """
    given = list(consents)
    stated = [consent for consent in given if consent.terms]
    # The one modifier that widens counts only where everybody has it.
    care = all(any(term.id == CLINICAL_CARE for term in consent.terms) for consent in stated)
    terms: list[DataUseTerm] = []
    for term in (term for consent in stated for term in consent.terms):
        if term not in terms and (term.id != CLINICAL_CARE or care):
            terms.append(term)
    donors = [consent for consent in given if consent.by_donor]
    if not any(consent.in_force and any(map(is_permission, consent.terms)) for consent in donors or given):
        terms.append(DataUseTerm(id=PERMISSION_UNKNOWN))
    return sorted(terms, key=lambda term: term.SerializeToString(deterministic=True))


def _find(case: Case) -> DataUseFinding:
    known, rule = load_terms().get(case.term.id), RULES.get(case.term.id)
    if known is None or rule is None:
        reason = "this term is not known here"
        return DataUseFinding(term=case.term.id, outcome=USE_OUTCOME_NEEDS_PERSON, reason=reason)
    outcome, reason = rule(case)
    return DataUseFinding(term=known.id, label=known.label, outcome=outcome, reason=reason)
