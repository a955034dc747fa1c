"""Validation: everything that is wrong with a raw sample, told at once."""

from collections.abc import Iterable

from fairdatabase.violations import Violation


class InvalidSample(Exception):
    """The sample breaks rules; `violations` says which."""

    def __init__(self, violations: Iterable[Violation]) -> None:
        self.violations = tuple(sorted(set(violations)))
        super().__init__(f"the sample breaks {len(self.violations)} rules")
