"""Filters in the words of the searcher's own sheet, translated into the form in which samples are stored."""

from dataclasses import replace

from fairdatabase.filters.language import Comparison, parse, render
from fairdatabase.filters.scanner import FilterError
from fairdatabase.policy.records.search_terms import SearchTerms, Unanswerable
from fairdatabase.violations import Violation
from gateway.samples.errors import FilterInvalid


def translate(filter: str, terms: SearchTerms) -> str:
    """Return a filter that compares with stored fields and values. Raises FilterInvalid."""
    try:
        comparisons = parse(filter)
    except FilterError as error:
        raise FilterInvalid(violations=[Violation("filter", str(error))]) from None
    return render(_translate(comparison, number, terms) for number, comparison in enumerate(comparisons, 1))


def _translate(comparison: Comparison, number: int, terms: SearchTerms) -> Comparison:
    if not isinstance(comparison.value, str | float):
        return comparison
    try:
        field, operator, value = terms.translate(comparison.field, comparison.operator, comparison.value)
    except Unanswerable as problem:
        raise FilterInvalid(violations=[Violation("filter", f"comparison {number}: {problem}")]) from None
    return replace(comparison, field=field, operator=operator, value=value)
