"""Matching: whether an intended use is permitted by the terms that apply to a sample.

docs/decisions/data-use.md gives the reasons.
"""

from collections.abc import Sequence
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


def match(terms: Sequence[DataUseTerm], use: IntendedUse, today: date) -> DataUseMatch:
    """Judge a use by all terms. The most severe finding decides; without a permission, a person must decide.

    `use.account` must be the reader's own id, taken from the token.
    """
    if not any(is_permission(term) or term.id == PERMISSION_UNKNOWN for term in terms):
        terms = [DataUseTerm(id=PERMISSION_UNKNOWN), *terms]
    # Clinical care is a separate term, but the rules of permissions must know whether it is present.
    clinical_care = any(term.id == CLINICAL_CARE for term in terms)
    findings = [_find(Case(term, use, today, clinical_care)) for term in terms]
    findings.sort(key=lambda finding: SEVERITY.index(finding.outcome))
    first = findings[0]
    return DataUseMatch(outcome=first.outcome, term=first.term, reason=first.reason, findings=findings)


def _find(case: Case) -> DataUseFinding:
    known, rule = load_terms().get(case.term.id), RULES.get(case.term.id)
    if known is None or rule is None:
        reason = "this term is not supported here: a person must decide"
        return DataUseFinding(term=case.term.id, outcome=USE_OUTCOME_NEEDS_PERSON, reason=reason)
    outcome, reason = rule(case)
    return DataUseFinding(term=known.id, label=known.label, outcome=outcome, reason=reason)
