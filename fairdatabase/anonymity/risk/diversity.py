"""Diversity: how many values of a sensitive column a class leaves possible (Machanavajjhala et al. 2007)."""

import numpy as np
from numpy.typing import NDArray

from fairdatabase.anonymity.model.classes import Ids, count_distinct
from fairdatabase.anonymity.risk.sensitive import Sensitive


def distinct_l(ids: Ids, count: int, sensitive: Sensitive) -> Ids:
    """Return how many different values each class holds."""
    return count_distinct(ids, count, sensitive.codes)


def entropy_l(ids: Ids, count: int, sensitive: Sensitive, weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return exp(H) of each class, H being the entropy, in nats, of its distribution of values.

    A class is entropy l-diverse when this is at least l; it is l where l values are equally frequent.
    """
    classes, _, shares = distributions(ids, count, sensitive, weights)
    # A class of one value alone has a share of 1 exactly, whose logarithm is 0.
    return np.exp(-np.bincount(classes, weights=shares * np.log(shares), minlength=count))


def distributions(
    ids: Ids, count: int, sensitive: Sensitive, weights: NDArray[np.float64]
) -> tuple[Ids, Ids, NDArray[np.float64]]:
    """Return class, value and the value's share of the class, for all that occur, by class and value ascending."""
    key = ids * sensitive.count + sensitive.codes
    order = np.argsort(key, kind="stable")
    key = key[order]
    starts = np.flatnonzero(np.append(True, key[1:] != key[:-1]))
    classes, values = key[starts] // sensitive.count, key[starts] % sensitive.count
    mass = np.add.reduceat(weights[order], starts)
    # The sum of the very parts, so that a class of one value gets 1 and not nearly 1.
    whole = np.bincount(classes, weights=mass, minlength=count)
    return classes, values, mass / whole[classes]
