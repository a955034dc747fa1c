"""Regrouping: improves classes. Rows move to other classes, and classes are dissolved, where that loses less."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from fairdatabase.anonymity.hierarchies.domains import Domain
from fairdatabase.anonymity.model.classes import count_distinct
from fairdatabase.anonymity.model.people import NOBODY
from fairdatabase.anonymity.risk.limits import Content, Limits, failing
from fairdatabase.anonymity.search.clustering import cluster
from fairdatabase.anonymity.search.extents import extents_of

_LEAST_GAIN = 1e-9
# How many neighbouring classes are clustered again together.
_CLASSES_TOGETHER = (3, 5, 8, 12)
_MOST_ROUNDS = 40
# The search ends after this many rounds that gain less than this share.
_USELESS_ROUNDS = 4
_ENOUGH = 5e-4
_MOST_PASSES = 3
# Tables of costs with more cells are not kept.
_LARGEST_TABLE = 10_000_000
_FEW = 1e-3
_ROWS_AT_ONCE = 512


def regroup(
    domains: Sequence[Domain], content: Content, limits: Limits, ids: NDArray[np.integer], count: int
) -> tuple[NDArray[np.int64], int]:
    """Return classes that lose at most as much. They may break a limit on t, or on l for lists."""
    dice = np.random.default_rng()
    ids = ids.astype(np.int64)
    useless = 0
    for number in range(_MOST_ROUNDS):
        ids, count, gain = _grow_again(domains, content, limits, ids, count, dice)
        useless = useless + 1 if gain < _ENOUGH else 0
        if useless == _USELESS_ROUNDS or number == _MOST_ROUNDS - 1:
            break
    for _ in range(_MOST_PASSES):
        moved = _move(domains, content, limits, ids, count)
        ids, fewer = _dissolve(domains, ids, count)
        if moved <= _FEW * len(ids) and fewer == count:
            break
        count = fewer
    return ids, count


def _grow_again(
    domains: Sequence[Domain],
    content: Content,
    limits: Limits,
    ids: NDArray[np.int64],
    count: int,
    dice: "np.random.Generator",
) -> tuple[NDArray[np.int64], int, float]:
    """Cluster the rows of neighbouring classes again, keep what loses less, and return the gain as a share."""
    extents = extents_of(domains, ids, count)
    together = int(dice.choice(_CLASSES_TOGETHER))
    order = extents.order(dice.permutation(len(domains)).tolist())
    blocks_of_classes = np.empty(count, np.int64)
    blocks_of_classes[order] = (np.arange(count) + int(dice.integers(together))) // together
    _, blocks = np.unique(blocks_of_classes[ids], return_inverse=True)
    number = int(blocks.max()) + 1
    rows = np.split(np.argsort(blocks, kind="stable"), np.cumsum(np.bincount(blocks))[:-1])
    grown, more = cluster(domains, content, limits, rows)
    before = np.bincount(blocks, weights=extents.losses()[ids], minlength=number)
    after = np.bincount(blocks, weights=extents_of(domains, grown, more).losses()[grown], minlength=number)
    # A block that could not be clustered is a single class.
    is_better = after < before - _LEAST_GAIN
    _, found = np.unique(np.where(is_better[blocks], grown + count, ids), return_inverse=True)
    gain = (before - after)[is_better].sum() / max(before.sum(), _LEAST_GAIN)
    return found, int(found.max()) + 1, float(gain)


def _best_others(
    domains: Sequence[Domain], ids: NDArray[np.int64], count: int, sizes: NDArray[np.int64], losses: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return for each row the other class to which it adds least, and how much."""
    extents = extents_of(domains, ids, count)
    tables = [
        np.ascontiguousarray(extents.table(i).T) if count * domain.size <= _LARGEST_TABLE else None
        for i, domain in enumerate(domains)
    ]
    every = np.arange(count)[None, :]
    before, after = (losses * sizes).astype(np.float32), (sizes + 1).astype(np.float32)
    best, added = np.empty(len(ids), np.int64), np.empty(len(ids))
    for start in range(0, len(ids), _ROWS_AT_ONCE):
        rows = np.arange(start, min(start + _ROWS_AT_ONCE, len(ids)))
        costs = np.zeros((len(rows), count), np.float32)
        for i, (table, domain) in enumerate(zip(tables, domains, strict=True)):
            ranks = domain.ranks[rows]
            costs += table[ranks] if table is not None else extents.costs(i, every, ranks[:, None])
        costs *= after
        costs -= before
        costs[np.arange(len(rows)), ids[rows]] = np.inf
        best[rows] = costs.argmin(axis=1)
        added[rows] = costs[np.arange(len(rows)), best[rows]]
    return best, added


def _move(domains: Sequence[Domain], content: Content, limits: Limits, ids: NDArray[np.int64], count: int) -> int:
    """Move rows to better classes, and return how many. A class loses or gains at most one row. Changes `ids`."""
    sizes = np.bincount(ids, minlength=count)
    losses = extents_of(domains, ids, count).losses()
    best, added = _best_others(domains, ids, count, sizes, losses)
    gain = (losses * sizes)[ids] - _losses_without(domains, ids, count) * (sizes - 1)[ids] - added
    gain[~_may_leave(content, limits, ids, count)] = 0
    touched = np.zeros(count, np.bool_)
    moved = 0
    candidates = np.flatnonzero(gain > _LEAST_GAIN)
    for row in candidates[np.argsort(-gain[candidates], kind="stable")].tolist():
        if not touched[ids[row]] and not touched[best[row]]:
            touched[[ids[row], best[row]]] = True
            ids[row] = best[row]
            moved += 1
    return moved


def _may_leave(content: Content, limits: Limits, ids: NDArray[np.int64], count: int) -> NDArray[np.bool_]:
    """Return whether the class of each row still has enough people and values without the row."""
    subjects = content.people.subjects
    if subjects is None:
        found = (np.bincount(ids, minlength=count) > limits.k)[ids]
    else:
        # A row without a subject adds nobody. The person of a named row may have other rows in the class.
        only, named = _is_only_one(ids, subjects), subjects != NOBODY
        people = content.people.count(ids, count)[ids]
        found = (np.bincount(ids, minlength=count) > 1)[ids] & ((people > limits.k) | ~(only & named))
    if limits.l > 1:
        for sensitive in content.sensitive:
            if sensitive.lists is not None:
                # The class might lose the only list without its most common item.
                return np.zeros(len(ids), np.bool_)
            only = _is_only_one(ids, sensitive.codes)
            different = count_distinct(ids, count, sensitive.codes)
            found &= ~only | (different > limits.l)[ids]
    return found


def _is_only_one(ids: NDArray[np.int64], codes: NDArray[np.integer]) -> NDArray[np.bool_]:
    """Return whether a row is the only one of its class with its code."""
    _, places, often = np.unique(ids * (int(codes.max(initial=0)) + 1) + codes, return_inverse=True, return_counts=True)
    return often[places] == 1


def _losses_without(domains: Sequence[Domain], ids: NDArray[np.int64], count: int) -> NDArray[np.float64]:
    """Return the loss of a row of each row's class after the row has left, summed over the columns."""
    total = np.zeros(len(ids))
    sizes = np.bincount(ids, minlength=count)
    ends = np.cumsum(sizes) - 1
    starts = ends - sizes + 1
    for domain in domains:
        ranks = domain.ranks.astype(np.int64)
        order = np.lexsort((ranks, ids))
        sorted_ranks = ranks[order]
        second = sorted_ranks[np.minimum(starts + 1, ends)]
        last_but_one = sorted_ranks[np.maximum(ends - 1, starts)]
        low, high = sorted_ranks[starts][ids], sorted_ranks[ends][ids]
        low = np.where(ranks == low, second[ids], low)
        high = np.where(ranks == high, last_but_one[ids], high)
        present = low
        if domain.as_set:
            present = count_distinct(ids, count, ranks)[ids] - _is_only_one(ids, ranks)
        total += domain.exact_loss(low, high, present)
    return total


def _dissolve(domains: Sequence[Domain], ids: NDArray[np.int64], count: int) -> tuple[NDArray[np.int64], int]:
    """Dissolve classes whose rows lose less elsewhere, and return the classes that are left."""
    sizes = np.bincount(ids, minlength=count)
    losses = extents_of(domains, ids, count).losses()
    best, added = _best_others(domains, ids, count, sizes, losses)
    gain = losses * sizes - np.bincount(ids, weights=added, minlength=count)
    candidates = np.flatnonzero(gain > _LEAST_GAIN)
    touched = np.zeros(count, np.bool_)
    members = np.split(np.argsort(ids, kind="stable"), np.cumsum(sizes)[:-1])
    gone = np.zeros(count, np.bool_)
    for number in candidates[np.argsort(-gain[candidates], kind="stable")].tolist():
        targets = best[members[number]]
        # Two rows may go to the same class only if nothing was assumed about it, so each class is touched once.
        if touched[number] or touched[targets].any() or len(np.unique(targets)) < len(targets):
            continue
        touched[targets] = touched[number] = gone[number] = True
        ids[members[number]] = targets
    left = np.flatnonzero(~gone)
    renumbered = np.cumsum(~gone) - 1
    return renumbered[ids], len(left)


def merge_failing(
    domains: Sequence[Domain], content: Content, limits: Limits, ids: NDArray[np.int64], count: int
) -> tuple[NDArray[np.int64], int]:
    """Merge each class that breaks a limit with the class with which it loses least, until none does.

    The whole table as one class must meet the limits.
    """
    while count > 1:
        bad = np.flatnonzero(failing(ids, count, content, limits))
        if not len(bad):
            break
        sizes = np.bincount(ids, minlength=count)
        extents = extents_of(domains, ids, count)
        into = np.arange(count)
        for number in bad.tolist():
            if into[number] != number:
                continue
            costs = extents.losses_merged_with(number) * (sizes + sizes[number]) - extents.losses() * sizes
            costs[number] = np.inf
            costs[into != np.arange(count)] = np.inf
            target = int(costs.argmin())
            into[number] = target
            into[into == number] = target
        _, ids = np.unique(into[ids], return_inverse=True)
        count = int(ids.max()) + 1
    return ids, count
