"""l-diversity: how many values of a sensitive column are possible in a class (Machanavajjhala et al. 2007)."""

import numpy as np
from numpy.typing import NDArray

from fairdatabase.anonymity.model.classes import Ids, count_distinct
from fairdatabase.anonymity.risk.sensitive import Sensitive


def distinct_l(ids: Ids, count: int, sensitive: Sensitive) -> Ids:
    """Return the number of different values in each class."""
    return count_distinct(ids, count, sensitive.codes)


def entropy_l(ids: Ids, count: int, sensitive: Sensitive, weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return exp(H) of each class, where H is the entropy of its values in nats.

    A class is entropy l-diverse if exp(H) is at least l. exp(H) equals l if l values are equally frequent.
    """
    classes, _, shares = distributions(ids, count, sensitive, weights)
    # In a class with a single value, the share is exactly 1 and its logarithm 0, so the result is exactly 1.
    return np.exp(-np.bincount(classes, weights=shares * np.log(shares), minlength=count))


def distributions(
    ids: Ids, count: int, sensitive: Sensitive, weights: NDArray[np.float64]
) -> tuple[Ids, Ids, NDArray[np.float64]]:
    """Return each pair of class and value that occurs, sorted, with the value's share of the class."""
    key = ids * sensitive.count + sensitive.codes
    order = np.argsort(key, kind="stable")
    key = key[order]
    starts = np.flatnonzero(np.append(True, key[1:] != key[:-1]))
    classes, values = key[starts] // sensitive.count, key[starts] % sensitive.count
    mass = np.add.reduceat(weights[order], starts)
    # Sum `mass`, not `weights`: otherwise rounding could make the share in a class with a single value differ from 1.
    whole = np.bincount(classes, weights=mass, minlength=count)
    return classes, values, mass / whole[classes]
