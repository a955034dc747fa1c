"""The limits that a published table must meet, and which classes break them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fairdatabase.anonymity.model.classes import Ids
from fairdatabase.anonymity.model.people import People
from fairdatabase.anonymity.risk.closeness import closeness_to, reference_of
from fairdatabase.anonymity.risk.diversity import distinct_l
from fairdatabase.anonymity.risk.sensitive import Sensitive

# A distance may differ by this much, because the order of additions changes how sums are rounded.
TOLERANCE = 1e-9


@dataclass(frozen=True, slots=True)
class Limits:
    """A class has at least `k` people and `l` values of each sensitive column, and is at most `t` from the table.

    At most the share `max_suppression` of the rows may be left out.
    """

    k: int = 5
    l: int = 1  # noqa: E741 - the field's own name
    t: float | None = None
    max_suppression: float = 0.1


@dataclass(frozen=True, slots=True)
class Content:
    """The data that the limits apply to: the people of the rows, and their sensitive values."""

    people: People
    sensitive: Sequence[Sensitive]

    def __len__(self) -> int:
        return len(self.people.weights)

    def take(self, rows: NDArray[np.integer]) -> "Content":
        """Return the content of only these rows, with weights, distributions and ranks recomputed from them."""
        return Content(self.people.take(rows), [sensitive.take(rows) for sensitive in self.sensitive])

    def references(self) -> list[NDArray[np.float64]]:
        """Return the distribution of each sensitive column over all rows."""
        return [reference_of(sensitive, self.people.weights) for sensitive in self.sensitive]


def lacking(ids: Ids, count: int, content: Content, limits: Limits) -> NDArray[np.bool_]:
    """Return which classes have too few people or values."""
    found = content.people.count(ids, count) < limits.k
    if limits.l > 1:
        for sensitive in content.sensitive:
            found |= distinct_l(ids, count, sensitive) < limits.l
    return found


def distant(
    ids: Ids,
    count: int,
    content: Content,
    limits: Limits,
    references: Sequence[NDArray[np.float64]] | None = None,
) -> NDArray[np.bool_]:
    """Return which classes are further than `t` from the table.

    `references` are the distributions of the table. By default, they are those of `content`.
    """
    found = np.zeros(count, np.bool_)
    if limits.t is None:
        return found
    for sensitive, reference in zip(content.sensitive, references or content.references(), strict=True):
        found |= closeness_to(reference, ids, count, sensitive, content.people.weights) > limits.t + TOLERANCE
    return found


def failing(ids: Ids, count: int, content: Content, limits: Limits) -> NDArray[np.bool_]:
    """Return which classes break a limit when `content` is published."""
    return lacking(ids, count, content, limits) | distant(ids, count, content, limits)
