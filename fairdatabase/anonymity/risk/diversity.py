"""l-diversity: how many values of a sensitive column are possible in a class (Machanavajjhala et al. 2007).

If values are lists, the lists that contain the most common item of a class count as one value there: "PDAC" and
"PDAC;T2D" are not diverse, because everybody has PDAC.
"""

import numpy as np
from numpy.typing import NDArray

from fairdatabase.anonymity.model.classes import Ids, count_distinct, pair
from fairdatabase.anonymity.risk.sensitive import Lists, Sensitive

# If a larger share of the people has the same value, or the same item, hiding it would take all other detail.
_NEARLY_ALL = 0.95


def distinct_l(ids: Ids, count: int, sensitive: Sensitive) -> Ids:
    """Return the number of different values in each class."""
    if sensitive.lists is None:
        return count_distinct(ids, count, sensitive.codes)
    classes, values = pair(ids, sensitive.codes)
    items, owners = sensitive.lists.expand(values)
    found, lists = np.unique(classes[owners] * sensitive.lists.count + items, return_counts=True)
    most_common = np.zeros(count, np.int64)
    np.maximum.at(most_common, found // sensitive.lists.count, lists)
    return np.bincount(classes, minlength=count) - most_common + 1


def entropy_l(ids: Ids, count: int, sensitive: Sensitive, weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return exp(H) of each class, where H is the entropy of its values in nats.

    A class is entropy l-diverse if exp(H) is at least l. exp(H) equals l if l values are equally frequent.
    """
    classes, values, shares = distributions(ids, count, sensitive, weights)
    if sensitive.lists is not None:
        classes, shares = _joined(classes, values, shares, count, sensitive.lists)
    # In a class with a single value, the share is exactly 1 and its logarithm 0, so the result is exactly 1.
    return np.exp(-np.bincount(classes, weights=shares * np.log(shares), minlength=count))


def _joined(
    classes: Ids, values: Ids, shares: NDArray[np.float64], count: int, lists: Lists
) -> tuple[Ids, NDArray[np.float64]]:
    """Return the shares of a class after the lists with its most common item are joined to one value."""
    items, owners = lists.expand(values)
    keys, places = np.unique(classes[owners] * lists.count + items, return_inverse=True)
    mass = np.bincount(places, weights=shares[owners])
    # The last entry of each class after sorting by class and mass is its most common item.
    order = np.lexsort((mass, keys // lists.count))
    common = keys[order[np.append(np.diff(keys[order] // lists.count) > 0, True)]] % lists.count
    with_it = np.zeros(len(values), np.bool_)
    with_it[owners[items == common[classes[owners]]]] = True
    joined = np.ones(count) - np.bincount(classes[~with_it], weights=shares[~with_it], minlength=count)
    # Rounding may leave nothing of a joined share.
    (left,) = np.nonzero(joined > 0)
    return np.append(classes[~with_it], left), np.append(shares[~with_it], joined[left])


def is_diverse(sensitive: Sensitive, weights: NDArray[np.float64]) -> bool:
    """Return whether l can be limited to 2 without taking all detail from the other columns."""
    everybody = np.zeros(len(sensitive.codes), np.int64)
    if distinct_l(everybody, 1, sensitive)[0] < 2:
        return False
    _, values, shares = distributions(everybody, 1, sensitive, weights)
    if sensitive.lists is None:
        return bool(shares.max() <= _NEARLY_ALL)
    items, owners = sensitive.lists.expand(values)
    return bool(np.bincount(items, weights=shares[owners]).max() <= _NEARLY_ALL)


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
