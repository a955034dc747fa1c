"""t-closeness: how far a class is from the whole table in a sensitive column (Li, Li and Venkatasubramanian 2007).

t is the earth mover's distance between the distribution of the column in a class and in the table. Any two categories
are at distance 1. Numbers lie on a line by rank: the i-th of m distinct numbers at i / (m - 1). A missing value among
numbers is joined to the middle of that line by an edge of length 1/2, so it is at distance 1 from the lowest and from
the highest number. Line and edge form a tree, on which the distance has a closed form.

If values are lists, each person's weight is divided among the items of their list. t is then the larger of two: the
distance between these distributions of items, and the largest difference between the shares of people whose lists
contain an item.
"""

import numpy as np
from numpy.typing import NDArray

from fairdatabase.anonymity.model.classes import Ids
from fairdatabase.anonymity.risk.diversity import distributions
from fairdatabase.anonymity.risk.sensitive import Lists, Sensitive


def closeness(ids: Ids, count: int, sensitive: Sensitive, weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the distance, between 0 and 1, of each class from the whole table."""
    return closeness_to(reference_of(sensitive, weights), ids, count, sensitive, weights)


def reference_of(sensitive: Sensitive, weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the distribution of the column in the whole table.

    For lists, these are the shares of the items, followed by the shares of people whose lists contain them.
    """
    shares = np.bincount(sensitive.codes, weights=weights, minlength=sensitive.count).astype(np.float64)
    shares /= shares.sum()
    if sensitive.lists is None:
        return shares
    items, owners = sensitive.lists.expand(np.arange(sensitive.count))
    divided = (shares / np.bincount(owners))[owners]
    each = (np.bincount(items, weights=w, minlength=sensitive.lists.count) for w in (divided, shares[owners]))
    return np.concatenate([*each]).astype(np.float64)


def closeness_to(
    reference: NDArray[np.float64], ids: Ids, count: int, sensitive: Sensitive, weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the distance of each class from the distribution that `reference_of` returned."""
    classes, values, shares = distributions(ids, count, sensitive, weights)
    if sensitive.lists is not None:
        return np.clip(_listed(reference, classes, values, shares, count, sensitive.lists), 0, 1)
    if sensitive.positions is None:
        return np.clip(_equal(reference, classes, values, shares, count), 0, 1)
    distance = _ordered(reference, sensitive.positions, classes, values, shares, count)
    if sensitive.missing >= 0:
        lacking = values == sensitive.missing
        missing = np.bincount(classes[lacking], weights=shares[lacking], minlength=count)
        distance += np.abs(missing - reference[sensitive.missing]) / 2
    return np.clip(distance, 0, 1)


def _listed(
    reference: NDArray[np.float64], classes: Ids, values: Ids, shares: NDArray[np.float64], count: int, lists: Lists
) -> NDArray[np.float64]:
    items, owners = lists.expand(values)
    keys, places = np.unique(classes[owners] * lists.count + items, return_inverse=True)
    owned, item = keys // lists.count, keys % lists.count
    divided = np.bincount(places, weights=(shares / np.bincount(owners))[owners]).astype(np.float64)
    having = np.bincount(places, weights=shares[owners])
    expected = reference[lists.count :]
    largest = np.zeros(count)
    np.maximum.at(largest, owned, np.abs(having - expected[item]))
    # Of the items that nobody in a class has, the most common one in the table makes the largest difference.
    unseen = np.arange(count)
    for common in np.argsort(-expected, kind="stable").tolist():
        wanted = unseen * lists.count + common
        has_it = keys[np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)] == wanted
        largest[unseen[~has_it]] = np.maximum(largest[unseen[~has_it]], expected[common])
        unseen = unseen[has_it]
        if not len(unseen):
            break
    return np.maximum(_equal(reference[: lists.count], owned, item, divided, count), largest)


def _equal(
    reference: NDArray[np.float64], classes: Ids, values: Ids, shares: NDArray[np.float64], count: int
) -> NDArray[np.float64]:
    """Return half the sum of the differences. For a value that a class lacks, this is its share in the table."""
    expected = reference[values]
    terms = np.abs(shares - expected) - expected
    return (np.bincount(classes, weights=terms, minlength=count) + 1) / 2


def _ordered(
    reference: NDArray[np.float64],
    positions: NDArray[np.float64],
    classes: Ids,
    values: Ids,
    shares: NDArray[np.float64],
    count: int,
) -> NDArray[np.float64]:
    """Return the area between the two cumulative distributions over the line.

    Between two values of a class, the curve of the class is flat and the curve of the table rises, so the two cross at
    most once. Prefix sums of the table's curve give the area on both sides without a loop over all values.
    """
    curve = np.cumsum(reference)
    # area[i]: the area below the table's curve from the first position to the i-th.
    area = np.concatenate([[0.0], np.cumsum(curve[:-1] * np.diff(positions))])
    running = np.cumsum(shares)
    first = np.searchsorted(classes, np.arange(count))
    before = np.concatenate([[0.0], running])[first]
    last = np.append(first[1:], len(classes)) - 1
    # The curve of a class has one flat segment before its first value, and one after each of its values.
    heights = np.concatenate([np.zeros(count), running - before[classes]])
    starts = np.concatenate([np.zeros(count, np.int64), values])
    ends = np.empty_like(starts)
    ends[:count] = values[first]
    ends[count:-1] = values[1:]
    ends[count + last] = len(positions) - 1
    owners = np.concatenate([np.arange(count), classes])
    cross = np.clip(np.searchsorted(curve, heights), starts, ends)
    below = heights * (positions[cross] - positions[starts]) - (area[cross] - area[starts])
    above = (area[ends] - area[cross]) - heights * (positions[ends] - positions[cross])
    return np.bincount(owners, weights=below + above, minlength=count).astype(np.float64)
