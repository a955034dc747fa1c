"""Values of a declared use that somebody could try out, to find those that a consent lists or limits.

The account of a use is not among them: it is the reader's own.
"""

from fairdb.samples.v1.data_use_pb2 import IntendedUse

_FIELDS = ("diseases", "research_types", "country", "institution", "project", "publish_date", "end_date")


def without_values(use: IntendedUse) -> IntendedUse:
    """Return a use as if it declared none of these values, so that terms with values are left to a person."""
    rest = IntendedUse()
    rest.CopyFrom(use)
    for name in _FIELDS:
        rest.ClearField(name)
    return rest


def values_of(use: IntendedUse) -> tuple[tuple[str, ...], ...]:
    """Return only these values, in an order that does not depend on that of a list. Empty if there are none."""
    given = (getattr(use, name) for name in _FIELDS)
    found = tuple((value,) if isinstance(value, str) else tuple(sorted({*value})) for value in given)
    return found if any(any(values) for values in found) else ()
