"""Trimming: leaves out rows at the edge of a class that make its description too wide, within the limits."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from fairdatabase.anonymity.hierarchies.domains import Domain
from fairdatabase.anonymity.model.table import Codes
from fairdatabase.anonymity.risk.limits import Content, Limits
from fairdatabase.anonymity.search.sweep import groups_of, permitted, side_losses, widest

_ROUNDS = 3
_ROWS_AT_ONCE = 8192


def trim(
    domains: Sequence[Domain], content: Content, limits: Limits, ids: Codes, count: int, most: int
) -> NDArray[np.bool_]:
    """Return which rows to leave out, at most `most`. The rest of each class still has enough people and values.

    A row that is left out loses everything, so the rest of its class must gain more than that. Nothing is trimmed when
    t is limited, because trimming would change the table with which classes are compared.
    """
    out = np.zeros(len(ids), np.bool_)
    if limits.t is not None:
        return out
    for _ in range(_ROUNDS):
        left = most - int(out.sum())
        taken = _trim_once(domains, content, limits, ids, count, np.flatnonzero(~out).astype(np.int32), left)
        if not taken.size:
            return out
        out[taken] = True
    return out


def _trim_once(
    domains: Sequence[Domain],
    content: Content,
    limits: Limits,
    ids: Codes,
    count: int,
    rows: NDArray[np.integer],
    most: int,
) -> NDArray[np.integer]:
    """Return the rows to leave out: at most one edge per class, the largest gain per row first."""
    sizes = np.bincount(ids[rows], minlength=count)
    by_class = rows[np.argsort(ids[rows], kind="stable")]
    columns = [domains[i] for i in widest(domains, by_class, groups_of(sizes))]
    gains = np.zeros(count)
    edges: dict[int, NDArray[np.integer]] = {}
    # Only some classes at a time: intermediate results for all rows and columns would be larger than the table.
    ends = np.cumsum(sizes)
    first = 0
    while first < count:
        start = int(ends[first] - sizes[first])
        last = max(first + 1, int(np.searchsorted(ends, start + _ROWS_AT_ONCE, side="right")))
        chunk = by_class[start : ends[last - 1]]
        _find_edges(domains, columns, content, limits, chunk, first, sizes[first:last], gains, edges)
        first = last
    return _choose(gains, edges, most)


def _find_edges(
    domains: Sequence[Domain],
    columns: Sequence[Domain],
    content: Content,
    limits: Limits,
    rows: NDArray[np.integer],
    first: int,
    sizes: NDArray[np.integer],
    gains: NDArray[np.float64],
    edges: dict[int, NDArray[np.integer]],
) -> None:
    """Set the best edge, and its gain, of the classes that these rows form, starting at class `first`."""
    groups = groups_of(sizes)
    mine = gains[first : first + len(sizes)]
    for domain in columns:
        order = rows[np.lexsort((domain.ranks[rows], groups.owner))]
        left, right = side_losses(domains, order, groups)
        left_fits, right_fits = permitted(content, limits, order, groups)
        whole = (left[groups.ends] * sizes)[groups.owner]
        for behind, out, kept, cost, fits in (
            (True, groups.right, groups.left, left, left_fits),
            (False, groups.left, groups.right, right, right_fits),
        ):
            gain = whole - out * len(domains)
            gain -= kept * cost
            gain[~fits | (out == 0)] = 0
            best = np.maximum.reduceat(gain, groups.starts)
            for number in np.flatnonzero(best > np.maximum(mine, 1e-9)).tolist():
                start, end = groups.starts[number], groups.ends[number] + 1
                at = start + int(np.argmax(gain[start:end]))
                mine[number] = best[number]
                # Copied, because a view would keep the whole array in memory.
                edges[first + number] = (order[at + 1 : end] if behind else order[start : at + 1]).copy()


def _choose(gains: NDArray[np.float64], edges: Mapping[int, NDArray[np.integer]], most: int) -> NDArray[np.integer]:
    found = np.flatnonzero(gains > 0)
    lengths = np.array([len(edges[number]) for number in found.tolist()])
    chosen: list[NDArray[np.integer]] = []
    for i in np.argsort(-gains[found] / np.maximum(lengths, 1), kind="stable").tolist():
        if lengths[i] <= most:
            chosen.append(edges[int(found[i])])
            most -= int(lengths[i])
    return np.concatenate(chosen) if chosen else np.zeros(0, np.int64)
