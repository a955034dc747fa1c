"""Search terms: what a filter compares, in the form in which the policy stores it.

A searcher asks in the words of their own sheet: `metadata.host_age = 34`. The platform has stored "30-39" under "age".
"""

from fairdatabase.policy.recognizers.own_identifiers import Identifiers
from fairdatabase.policy.records.generalisation import Implausible
from fairdatabase.policy.records.named_fields import IN_POLICY
from fairdatabase.policy.records.rules import RULES, RuleContext, expected_form
from fairdatabase.policy.tables.fields import Field, Policy
from fairdatabase.policy.text.characters import clean
from fairdatabase.policy.text.scalars import Scalar

_METADATA = "metadata."
_UNORDERED = {
    "band": "this field is stored in bands such as 30-39: ask with = and a value or a band",
    "coordinates": "places have no order: ask with =",
}
_NEVER_STORED = "is never stored, because it may identify the donor"
_YEAR_DIGITS = 4


class Unanswerable(ValueError):
    """No stored value can match. The message says what to ask instead, and quotes nothing of the comparison."""


SearchTerm = tuple[str, str, Scalar]
"""A field of the API ("organism", "metadata.age"), an operator and a value."""


class SearchTerms:
    """Translates comparisons by one policy."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._context = RuleContext(policy.vocabulary, Identifiers((), policy.vocabulary), {})

    def translate(self, path: str, operator: str, value: Scalar) -> SearchTerm:
        """Return the comparison in stored form. Raises Unanswerable."""
        asked, field = path, self._field(path)
        if field is None:
            return path, operator, value
        if field.name == "organism":
            path = "organism"
        elif path not in IN_POLICY:
            path = field.path
        if isinstance(value, str):
            value = clean(value)
            term = self._policy.vocabulary.missing.term(value)
            if term:
                return path, operator, term
        value = self._read_by_title(asked, value)
        if field.action in ("text", "organism"):
            return path, operator, value
        if operator == "=":
            return path, operator, self._stored(field, value)
        if operator == "!=":
            return path, operator, self._stored_or_given(field, value)
        if field.action in _UNORDERED:
            raise Unanswerable(_UNORDERED[field.action])
        if field.action == "year":
            return path, *self._year(field, operator, value)
        return path, operator, self._bound(field, value)

    def _field(self, path: str) -> Field | None:
        """Return the field that a path means, or None for a path outside the policy ("owner")."""
        if not path.startswith(_METADATA):
            return self._policy.fields[IN_POLICY[path]] if path in IN_POLICY else None
        field = self._policy.resolve(path.removeprefix(_METADATA))
        if field is None:
            raise Unanswerable("the policy stores no metadata field of this name")
        if field.action == "subject":
            raise Unanswerable('ask for subject = "p-...", the pseudonym that a sample shows')
        if not field.is_stored:
            raise Unanswerable(f"{field.path} {_NEVER_STORED if field.action == 'drop' else 'is not stored'}")
        return field

    def _read_by_title(self, path: str, value: Scalar) -> Scalar:
        """Return a value in the unit and the coding of the title under which it is asked for.

        `non_westernized = "no"` asks for samples that are westernized.
        """
        reading = self._policy.match(path.removeprefix(_METADATA)).reading
        if reading is None:
            return value
        try:
            return reading.read(value)
        except ValueError as problem:
            raise Unanswerable(f"the value of {path} {problem}") from None

    def _stored(self, field: Field, value: Scalar) -> Scalar:
        try:
            stored = RULES[field.action](field, value, self._context)
        except Implausible as problem:
            raise Unanswerable(f"the value of {field.path} {problem}") from None
        if stored is None:
            expected = expected_form(field) or "must have the form in which the field is stored"
            raise Unanswerable(f"the value of {field.path} {expected}")
        return stored

    def _stored_or_given(self, field: Field, value: Scalar) -> Scalar:
        """Return the stored form of a value, or the value itself if no stored value can equal it."""
        try:
            return self._stored(field, value)
        except Unanswerable:
            return value

    def _bound(self, field: Field, value: Scalar) -> Scalar:
        """Return the value for a comparison by order: a number without rounding, or any text."""
        if field.action not in ("number", "measurements", "grid"):
            return value
        return value if isinstance(value, float) else self._stored(field, value)

    def _year(self, field: Field, operator: str, value: Scalar) -> tuple[str, Scalar]:
        """Return a comparison with a year. A day lies within its year, so the year of the day is included."""
        year = self._stored(field, value)
        is_year = isinstance(value, float) or len(str(value)) == _YEAR_DIGITS
        return (operator if is_year else f"{operator[0]}="), year
