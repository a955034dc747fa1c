"""Use rules: what each term of the Data Use Ontology says of an intended use.

None guesses: what was not declared, and what only somebody who knows the field can judge, is left to a person.
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
from privacy_svc.data_use.duo import to_date

SEVERITY = (USE_OUTCOME_DENIED, USE_OUTCOME_NEEDS_PERSON, USE_OUTCOME_ALLOWED)

Verdict = tuple[UseOutcome.ValueType, str]
"""What a term says, and why in a few words, which hold no value that anybody sent."""


@dataclass(frozen=True, slots=True)
class Case:
    """One term to be held against a use."""

    term: DataUseTerm
    use: IntendedUse
    today: date
    care: bool
    """Whether the care of patients is permitted beside the permission."""


Rule = Callable[[Case], Verdict]
Permission = Callable[[Case, UsePurpose.ValueType], Verdict]


def _person(reason: str) -> Verdict:
    return USE_OUTCOME_NEEDS_PERSON, reason


def _permit(holds: bool, allowed: str, denied: str) -> Verdict:
    return (USE_OUTCOME_ALLOWED, allowed) if holds else (USE_OUTCOME_DENIED, denied)


def _most_severe(*verdicts: Verdict) -> Verdict:
    return min(verdicts, key=lambda verdict: SEVERITY.index(verdict[0]))


# ---- Permissions: each purpose by itself ---------------------------------------------------------------------------


def _each_purpose(judge: Permission, *, of_a_field: bool) -> Rule:
    """Return the rule that every purpose must be permitted. `of_a_field`: methods for another field are not."""

    def judge_all(case: Case) -> Verdict:
        purposes = set(case.use.purposes)
        if not purposes:
            return _person("no purpose was declared")
        verdicts: list[Verdict] = []
        if USE_PURPOSE_CLINICAL_CARE in purposes:
            reasons = "the care of patients is permitted beside research", "the care of patients is no research"
            verdicts.append(_permit(case.care, *reasons))
        fields = purposes - {USE_PURPOSE_CLINICAL_CARE}
        if of_a_field and USE_PURPOSE_METHOD_DEVELOPMENT in fields:
            # Methods are developed for something, and that is what the permission is about.
            fields -= {USE_PURPOSE_METHOD_DEVELOPMENT}
            if not fields:
                verdicts.append(_person("it was not declared what the methods are for"))
        return _most_severe(*verdicts, *(judge(case, purpose) for purpose in sorted(fields)))

    return judge_all


def _no_restriction(case: Case) -> Verdict:
    return USE_OUTCOME_ALLOWED, "every use is permitted"


def _general(case: Case, purpose: UsePurpose.ValueType) -> Verdict:
    return USE_OUTCOME_ALLOWED, "every research is permitted"


def _health(case: Case, purpose: UsePurpose.ValueType) -> Verdict:
    holds = purpose in (USE_PURPOSE_HEALTH_RESEARCH, USE_PURPOSE_DISEASE_RESEARCH)
    return _permit(holds, "research into health is permitted", "only research into health is permitted")


def _disease(case: Case, purpose: UsePurpose.ValueType) -> Verdict:
    if purpose != USE_PURPOSE_DISEASE_RESEARCH:
        return USE_OUTCOME_DENIED, "only research into the diseases consented to is permitted"
    if not case.use.diseases:
        return _person("no disease was declared")
    if set(case.use.diseases) <= set(case.term.diseases):
        return USE_OUTCOME_ALLOWED, "research into this disease is permitted"
    # One may be a form of the other, or the same in another ontology.
    return _person("whether the disease declared belongs to those consented to is for a person to say")


def _ancestry(case: Case, purpose: UsePurpose.ValueType) -> Verdict:
    holds = purpose == USE_PURPOSE_ANCESTRY_RESEARCH
    return _permit(holds, "research into ancestry is permitted", "only research into ancestry is permitted")


# ---- Modifiers -----------------------------------------------------------------------------------------------------


def _without(purpose: UsePurpose.ValueType, what: str) -> Rule:
    """Return the rule that a purpose is excluded."""

    def judge(case: Case) -> Verdict:
        if not case.use.purposes:
            return _person("no purpose was declared")
        return _permit(purpose not in case.use.purposes, f"{what} is not intended", f"{what} is excluded")

    return judge


def _declared(fact: str, wanted: bool, allowed: str, denied: str) -> Rule:
    """Return the rule that one of IntendedUse's yes-or-no facts must be declared as wanted."""

    undeclared = f"{IntendedUse.DESCRIPTOR.fields_by_name[fact].json_name} was not declared"

    def judge(case: Case) -> Verdict:
        if not case.use.HasField(fact):  # pyright: ignore[reportArgumentType]  # its stub takes literals only
            return _person(undeclared)
        return _permit(getattr(case.use, fact) == wanted, allowed, denied)

    return judge


def _both(first: Rule, second: Rule) -> Rule:
    return lambda case: _most_severe(first(case), second(case))


def _one_of(listed: str, declared: str) -> Rule:
    """Return the rule that what is declared must stand in the term's list."""

    def judge(case: Case) -> Verdict:
        permitted, told = getattr(case.term, listed), getattr(case.use, declared)
        if not permitted:
            return _person(f"a person decides which {declared} is approved")
        if not told:
            return _person(f"no {declared} was declared")
        return _permit(
            told in permitted, f"this {declared} is approved", f"this {declared} is not among those approved"
        )

    return judge


def _research_type(case: Case) -> Verdict:
    if not case.term.research_types:
        return _person("a person decides which kind of study is permitted")
    if not case.use.research_types:
        return _person("no kind of study was declared")
    if set(case.use.research_types) <= set(case.term.research_types):
        return USE_OUTCOME_ALLOWED, "this kind of study is permitted"
    return _person("whether the kind of study declared belongs to those permitted is for a person to say")


def _moratorium(case: Case) -> Verdict:
    until, publish = to_date(case.term.date), to_date(case.use.publish_date)
    if until is None:
        return _person("the term has no date")
    if case.today >= until:
        return USE_OUTCOME_ALLOWED, "the moratorium is over"
    if publish is not None:
        return _permit(publish >= until, "nothing is published before its end", "publication is planned before its end")
    if case.use.HasField("publishes") and not case.use.publishes:
        return USE_OUTCOME_ALLOWED, "nothing is published"
    return _person("it was not declared from when on results are published")


def _time_limit(case: Case) -> Verdict:
    until, end = to_date(case.term.date), to_date(case.use.end_date)
    if until is None:
        return _person("the term has no date")
    if case.today > until:
        return USE_OUTCOME_DENIED, "the time for use is over"
    if end is None:
        return _person("it was not declared when the use ends")
    if end < case.today:
        return _person("the use declared is over already")
    return _permit(end <= until, "the use ends in time", "the use ends too late")


def _clinical_care(case: Case) -> Verdict:
    return USE_OUTCOME_ALLOWED, "it permits the care of patients and excludes nothing"


_NON_PROFIT = _declared("not_for_profit", True, "the organisation is not for profit", "the organisation is for profit")
_NON_COMMERCIAL = _declared("commercial", False, "the use is not commercial", "the use is commercial")

RULES: Mapping[str, Rule] = {
    "DUO:0000001": lambda case: _person("nobody has said what is permitted, or the permission has ended"),
    "DUO:0000017": lambda case: _person("nobody has said what the condition is"),
    "DUO:0000004": _no_restriction,
    "DUO:0000042": _each_purpose(_general, of_a_field=False),
    "DUO:0000006": _each_purpose(_health, of_a_field=True),
    "DUO:0000007": _each_purpose(_disease, of_a_field=True),
    "DUO:0000011": _each_purpose(_ancestry, of_a_field=True),
    "DUO:0000012": _research_type,
    "DUO:0000015": _without(USE_PURPOSE_METHOD_DEVELOPMENT, "the development of methods"),
    "DUO:0000016": _declared("genetic", True, "genotypes are studied", "no genotypes are studied"),
    "DUO:0000018": _both(_NON_PROFIT, _NON_COMMERCIAL),
    "DUO:0000019": _declared("publishes", True, "results are published", "results are not published"),
    "DUO:0000020": _declared("collaborates", True, "collaboration is agreed", "collaboration is not agreed"),
    "DUO:0000021": _declared("ethics_approved", True, "approval is held", "no approval of an ethics board is held"),
    "DUO:0000022": _one_of("countries", "country"),
    "DUO:0000024": _moratorium,
    "DUO:0000025": _time_limit,
    "DUO:0000026": _one_of("accounts", "account"),
    "DUO:0000027": _one_of("projects", "project"),
    "DUO:0000028": _one_of("institutions", "institution"),
    "DUO:0000029": _declared("returns_results", True, "derived data are returned", "derived data are not returned"),
    "DUO:0000043": _clinical_care,
    "DUO:0000044": _without(USE_PURPOSE_ANCESTRY_RESEARCH, "research into ancestry"),
    "DUO:0000045": _NON_PROFIT,
    "DUO:0000046": _NON_COMMERCIAL,
}
