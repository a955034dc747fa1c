"""Use rules: how each term of the Data Use Ontology judges an intended use.

A rule never guesses: if a fact was not declared, or if only an expert can judge it, a person must decide.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date

from fairdb.samples.v1.data_use_pb2 import (
    USE_OUTCOME_ALLOWED,
    USE_OUTCOME_DENIED,
    USE_OUTCOME_NEEDS_PERSON,
    USE_PURPOSE_ANCESTRY_RESEARCH,
    USE_PURPOSE_CLINICAL_CARE,
    USE_PURPOSE_DISEASE_RESEARCH,
    USE_PURPOSE_HEALTH_RESEARCH,
    USE_PURPOSE_METHOD_DEVELOPMENT,
    DataUseTerm,
    IntendedUse,
    UseOutcome,
    UsePurpose,
)
from privacy_svc.data_use.values import to_date

SEVERITY = (USE_OUTCOME_DENIED, USE_OUTCOME_NEEDS_PERSON, USE_OUTCOME_ALLOWED)

Verdict = tuple[UseOutcome.ValueType, str]
"""An outcome and a short reason for the reader. The reason never quotes a value from the term or the use."""


@dataclass(frozen=True, slots=True)
class Case:
    """A term, and the use to judge by it."""

    term: DataUseTerm
    use: IntendedUse
    today: date
    clinical_care: bool
    """Whether the consent also permits clinical care."""


Rule = Callable[[Case], Verdict]
PurposeRule = Callable[[Case, UsePurpose.ValueType], Verdict]


def _allowed(reason: str) -> Verdict:
    return USE_OUTCOME_ALLOWED, reason


def _denied(reason: str) -> Verdict:
    return USE_OUTCOME_DENIED, reason


def _needs_person(reason: str) -> Verdict:
    return USE_OUTCOME_NEEDS_PERSON, reason


def _allowed_if(holds: bool, allowed: str, denied: str) -> Verdict:
    return _allowed(allowed) if holds else _denied(denied)


def _most_severe(*verdicts: Verdict) -> Verdict:
    return min(verdicts, key=lambda verdict: SEVERITY.index(verdict[0]))


# ---- Permissions: judge each declared purpose ----------------------------------------------------------------------


def _every_purpose(judge: PurposeRule, *, one_field: bool) -> Rule:
    """Return a rule that every declared purpose must pass.

    `one_field`: the permission is for one field of research. It permits method development only for that field.
    """

    def judge_all(case: Case) -> Verdict:
        purposes = set(case.use.purposes)
        if not purposes:
            return _needs_person("no purpose was declared")
        verdicts: list[Verdict] = []
        if USE_PURPOSE_CLINICAL_CARE in purposes:
            purposes.remove(USE_PURPOSE_CLINICAL_CARE)
            reasons = "clinical care is permitted in addition to research", "clinical care is not research"
            verdicts.append(_allowed_if(case.clinical_care, *reasons))
        if one_field and USE_PURPOSE_METHOD_DEVELOPMENT in purposes:
            purposes.remove(USE_PURPOSE_METHOD_DEVELOPMENT)
            if not purposes:
                verdicts.append(_needs_person("the field that the methods are for was not declared"))
        return _most_severe(*verdicts, *(judge(case, purpose) for purpose in sorted(purposes)))

    return judge_all


def _no_restriction(case: Case) -> Verdict:
    return _allowed("every use is permitted")


def _general(case: Case, purpose: UsePurpose.ValueType) -> Verdict:
    return _allowed("all research is permitted")


def _health(case: Case, purpose: UsePurpose.ValueType) -> Verdict:
    holds = purpose in (USE_PURPOSE_HEALTH_RESEARCH, USE_PURPOSE_DISEASE_RESEARCH)
    return _allowed_if(holds, "health research is permitted", "only health research is permitted")


def _disease(case: Case, purpose: UsePurpose.ValueType) -> Verdict:
    if purpose != USE_PURPOSE_DISEASE_RESEARCH:
        return _denied("only research into the consented diseases is permitted")
    if not case.use.diseases:
        return _needs_person("no disease was declared")
    if set(case.use.diseases) <= set(case.term.diseases):
        return _allowed("research into this disease is permitted")
    # The ids differ, but one may name a subtype of the other disease, or the same disease in another ontology.
    return _needs_person("a person must decide whether the consent covers the declared disease")


def _ancestry(case: Case, purpose: UsePurpose.ValueType) -> Verdict:
    holds = purpose == USE_PURPOSE_ANCESTRY_RESEARCH
    return _allowed_if(holds, "ancestry research is permitted", "only ancestry research is permitted")


# ---- Modifiers -----------------------------------------------------------------------------------------------------


def _excludes(excluded: UsePurpose.ValueType, name: str) -> Rule:
    """Return a rule that denies one purpose."""

    def judge(case: Case) -> Verdict:
        if not case.use.purposes:
            return _needs_person("no purpose was declared")
        return _allowed_if(excluded not in case.use.purposes, f"{name} is not intended", f"{name} is excluded")

    return judge


def _requires(fact: str, wanted: bool, allowed: str, denied: str) -> Rule:
    """Return a rule that requires a yes-or-no field of IntendedUse to be declared as `wanted`."""
    undeclared = f"{IntendedUse.DESCRIPTOR.fields_by_name[fact].json_name} was not declared"

    def judge(case: Case) -> Verdict:
        if not case.use.HasField(fact):  # pyright: ignore[reportArgumentType]  # the stub accepts only literals
            return _needs_person(undeclared)
        return _allowed_if(getattr(case.use, fact) == wanted, allowed, denied)

    return judge


def _both(first: Rule, second: Rule) -> Rule:
    return lambda case: _most_severe(first(case), second(case))


def _listed(values: str, declared: str) -> Rule:
    """Return a rule that requires the declared value to be in the term's list."""

    def judge(case: Case) -> Verdict:
        approved, value = getattr(case.term, values), getattr(case.use, declared)
        if not approved:
            return _needs_person(f"a person must decide whether this {declared} is approved")
        if not value:
            return _needs_person(f"no {declared} was declared")
        return _allowed_if(value in approved, f"this {declared} is approved", f"this {declared} is not approved")

    return judge


def _research_type(case: Case) -> Verdict:
    if not case.term.research_types:
        return _needs_person("a person must decide which types of research are permitted")
    if not case.use.research_types:
        return _needs_person("no research type was declared")
    if set(case.use.research_types) <= set(case.term.research_types):
        return _allowed("this research type is permitted")
    return _needs_person("a person must decide whether the consent covers the declared research type")


def _moratorium(case: Case) -> Verdict:
    until, publish = to_date(case.term.date), to_date(case.use.publish_date)
    if until is None:
        return _needs_person("the moratorium has no date")
    if case.today >= until:
        return _allowed("the publication moratorium has ended")
    if publish is not None:
        return _allowed_if(
            publish >= until,
            "publication is planned after the moratorium ends",
            "publication is planned before the moratorium ends",
        )
    if case.use.HasField("publishes") and not case.use.publishes:
        return _allowed("no results will be published")
    return _needs_person("publishDate was not declared")


def _time_limit(case: Case) -> Verdict:
    until, end = to_date(case.term.date), to_date(case.use.end_date)
    if until is None:
        return _needs_person("the time limit has no date")
    if case.today > until:
        return _denied("the time limit has passed")
    if end is None:
        return _needs_person("endDate was not declared")
    if end < case.today:
        return _needs_person("the declared endDate is in the past")
    return _allowed_if(end <= until, "the use ends within the time limit", "the use ends after the time limit")


def _clinical_care(case: Case) -> Verdict:
    return _allowed("clinical care is permitted, and no use is excluded")


_NON_PROFIT = _requires("not_for_profit", True, "the organisation is not for profit", "the organisation is for profit")
_NON_COMMERCIAL = _requires("commercial", False, "the use is not commercial", "the use is commercial")

RULES: Mapping[str, Rule] = {
    "DUO:0000001": lambda case: _needs_person("no permission is stated, or it has ended"),
    "DUO:0000017": lambda case: _needs_person("the condition is not stated"),
    "DUO:0000004": _no_restriction,
    "DUO:0000042": _every_purpose(_general, one_field=False),
    "DUO:0000006": _every_purpose(_health, one_field=True),
    "DUO:0000007": _every_purpose(_disease, one_field=True),
    "DUO:0000011": _every_purpose(_ancestry, one_field=True),
    "DUO:0000012": _research_type,
    "DUO:0000015": _excludes(USE_PURPOSE_METHOD_DEVELOPMENT, "method development"),
    "DUO:0000016": _requires("genetic", True, "genotypes are studied", "genotypes are not studied"),
    "DUO:0000018": _both(_NON_PROFIT, _NON_COMMERCIAL),
    "DUO:0000019": _requires("publishes", True, "results will be published", "results will not be published"),
    "DUO:0000020": _requires("collaborates", True, "collaboration is agreed", "collaboration is not agreed"),
    "DUO:0000021": _requires(
        "ethics_approved", True, "the use has ethics approval", "the use does not have ethics approval"
    ),
    "DUO:0000022": _listed("countries", "country"),
    "DUO:0000024": _moratorium,
    "DUO:0000025": _time_limit,
    "DUO:0000026": _listed("accounts", "account"),
    "DUO:0000027": _listed("projects", "project"),
    "DUO:0000028": _listed("institutions", "institution"),
    "DUO:0000029": _requires(
        "returns_results", True, "derived data will be returned", "derived data will not be returned"
    ),
    "DUO:0000043": _clinical_care,
    "DUO:0000044": _excludes(USE_PURPOSE_ANCESTRY_RESEARCH, "ancestry research"),
    "DUO:0000045": _NON_PROFIT,
    "DUO:0000046": _NON_COMMERCIAL,
}
