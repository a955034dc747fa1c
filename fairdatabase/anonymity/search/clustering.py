"""Clustering: local recoding from the bottom up. Each class grows from one row by the rows that it costs least to add.

This is k-member clustering (Byun et al. 2007), followed by improvements: rows move to other classes, and classes are
dissolved, where that loses less (see `regrouping`). The time grows with the square of the number of rows, so large
tables are cut into blocks, which are clustered side by side.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fairdatabase.anonymity.hierarchies.domains import Domain
from fairdatabase.anonymity.model.people import NOBODY
from fairdatabase.anonymity.model.table import Codes
from fairdatabase.anonymity.risk.limits import Content, Limits
from fairdatabase.anonymity.search.extents import Costs, Extents, extents_of

# Classes that leave this share of the columns of the work arrays unused make them smaller.
_SHRINK = 0.8
_STEPS_BETWEEN_SHRINKS = 32
_NEVER = np.float32(1e9)
# Added to the cost of a row that brings a class no closer to its limits.
_USELESS = np.float32(1e6)
_MOST_WAVES = 64
UNASSIGNED = -1


def cluster(
    domains: Sequence[Domain], content: Content, limits: Limits, blocks: Sequence[Codes]
) -> tuple[NDArray[np.int64], int]:
    """Return the class of each row, and the number of classes. `blocks` contain each row once.

    All rows of a class are of one block. A block in which no class could be completed is one class, which breaks a
    limit. Lists may lack diversity, and t is not considered.
    """
    ids, count = _Growth(domains, content, limits, blocks).grow()
    for block in blocks:
        if (ids[block] < 0).all():
            ids[block] = count
            count += 1
    _absorb(domains, ids, count, blocks)
    return ids, count


class _Growth:
    """The growth of one class in each block at a time. Arrays have a row per block and a column per unassigned row."""

    def __init__(self, domains: Sequence[Domain], content: Content, limits: Limits, blocks: Sequence[Codes]) -> None:
        self._limits = limits
        self._ids = np.full(len(content), UNASSIGNED, np.int64)
        self._count = 0
        widest = max(map(len, blocks))
        self._rows = np.zeros((len(blocks), widest), np.int64)
        self._free = np.zeros(self._rows.shape, np.bool_)
        for number, block in enumerate(blocks):
            self._rows[number, : len(block)] = block
            self._free[number, : len(block)] = True
        self._ranks = [domain.ranks[self._rows].astype(np.int32) for domain in domains]
        self._extents = Extents(domains, len(blocks))
        # Without subjects, each row is a person. Other codes: a class needs this many different ones.
        self._counts_rows = content.people.subjects is None
        self._codes: list[NDArray[np.int64]] = []
        self._needed: list[int] = []
        subjects = content.people.subjects
        if subjects is not None:
            self._codes.append(np.where(subjects == NOBODY, -1, subjects).astype(np.int64)[self._rows])
            self._needed.append(limits.k)
        if limits.l > 1:
            for sensitive in content.sensitive:
                self._codes.append(sensitive.codes.astype(np.int64)[self._rows])
                self._needed.append(limits.l)
        self._has = [codes < 0 for codes in self._codes]

    def grow(self) -> tuple[NDArray[np.int64], int]:
        blocks = np.arange(len(self._rows))
        active = np.ones(len(blocks), np.bool_)
        # Each block starts with its first row as if a class were just complete: the next class starts far from it.
        self._extents.start(blocks, self._rows[:, 0])
        complete = np.ones(len(blocks), np.bool_)
        current = np.full(len(blocks), UNASSIGNED)
        size = np.zeros(len(blocks), np.int64)
        counts = np.zeros((len(self._needed), len(blocks)), np.int64)
        step = 0
        while active.any():
            if step % _STEPS_BETWEEN_SHRINKS == 0:
                self._shrink(active)
            step += 1
            cost = self._costs(complete, counts, size)
            pick = cost.argmin(axis=1)
            least = cost[blocks, pick]
            # No row is left, or none that brings the class closer to its limits.
            ended = active & (least >= _USELESS) & ~complete | active & (least >= _NEVER)
            for number in current[ended & ~complete].tolist():
                self._ids[self._ids == number] = UNASSIGNED
            active &= ~ended
            here = np.flatnonzero(active)
            rows = self._rows[here, pick[here]]
            new = complete[here]
            current[here[new]] = self._count + np.arange(int(new.sum()))
            self._count += int(new.sum())
            self._ids[rows] = current[here]
            self._free[here, pick[here]] = False
            self._extents.start(here[new], rows[new])
            self._extents.add(here[~new], rows[~new])
            size[here] = np.where(new, 1, size[here] + 1)
            for i, codes in enumerate(self._codes):
                picked = codes[here, pick[here]]
                same = (codes[here] == picked[:, None]) | (codes[here] < 0)
                is_more = ~self._has[i][here, pick[here]] | (new & (picked >= 0))
                counts[i][here] = np.where(new, picked >= 0, counts[i][here] + is_more)
                self._has[i][here] = np.where(new[:, None], same, self._has[i][here] | same)
            complete = self._are_complete(size, counts)
        used = np.unique(self._ids[self._ids >= 0])
        self._ids[self._ids >= 0] = np.searchsorted(used, self._ids[self._ids >= 0])
        return self._ids, len(used)

    def _are_complete(self, size: NDArray[np.int64], counts: NDArray[np.int64]) -> NDArray[np.bool_]:
        complete = size >= (self._limits.k if self._counts_rows else 1)
        for needed, count in zip(self._needed, counts, strict=True):
            complete &= count >= needed
        return complete

    def _shrink(self, active: NDArray[np.bool_]) -> None:
        """Remove assigned rows from the arrays."""
        width = int(self._free[active].sum(axis=1).max())
        if 0 < width < _SHRINK * self._rows.shape[1]:
            order = np.argsort(~self._free, axis=1, kind="stable")[:, :width]

            def kept(array: NDArray[Any]) -> NDArray[Any]:
                return np.take_along_axis(array, order, axis=1)

            self._rows, self._free = kept(self._rows), kept(self._free)
            self._ranks, self._codes, self._has = (
                [kept(array) for array in arrays] for arrays in (self._ranks, self._codes, self._has)
            )

    def _costs(self, complete: NDArray[np.bool_], counts: NDArray[np.int64], size: NDArray[np.int64]) -> Costs:
        """Return the cost of each unassigned row: what it adds to the class, or its nearness where a class starts."""
        cost = np.zeros(self._rows.shape, np.float32)
        blocks = np.arange(len(cost))[:, None]
        for i, ranks in enumerate(self._ranks):
            if self._extents.domains[i].size < cost.shape[1]:
                # Fewer ranks than rows: look the cost of each rank up.
                table = self._extents.table(i)
                cost += table.ravel()[ranks + blocks * table.shape[1]]
            else:
                cost += self._extents.costs(i, blocks, ranks)
        np.negative(cost, out=cost, where=complete[:, None])
        if self._codes:
            useless = np.ones(cost.shape, np.bool_)
            for needed, count, has in zip(self._needed, counts, self._has, strict=True):
                useless &= has | (count >= needed)[:, None]
            if self._counts_rows:
                useless &= (size >= self._limits.k)[:, None]
            cost[useless & ~complete[:, None]] += _USELESS
        cost[~self._free] = _NEVER
        return cost


def _absorb(domains: Sequence[Domain], ids: NDArray[np.int64], count: int, blocks: Sequence[Codes]) -> None:
    """Assign each row that has no class to the class of its block to which it adds least. Changes `ids`."""
    classes = [np.unique(ids[block][ids[block] >= 0]) for block in blocks]
    candidates = np.full((len(blocks), max(map(len, classes))), UNASSIGNED)
    for number, found in enumerate(classes):
        candidates[number, : len(found)] = found
    lacking = [block[ids[block] < 0] for block in blocks]
    most = max(map(len, lacking))
    if not most:
        return
    extents, sizes = extents_of(domains, ids, count), np.bincount(ids[ids >= 0], minlength=count)
    # In each wave, some rows of each block. The rows of a wave do not see each other.
    width = -(-most // _MOST_WAVES)
    for start in range(0, most, width):
        rows = np.concatenate([some[start : start + width] for some in lacking])
        owners = np.repeat(np.arange(len(blocks)), [len(some[start : start + width]) for some in lacking])
        options = candidates[owners]
        ranks = [domain.ranks[rows][:, None] for domain in domains]
        costs = sum(extents.costs(i, options, ranks[i]) for i in range(len(domains)))
        costs = costs * (sizes[options] + 1) - (extents.losses() * sizes)[options]
        costs[options < 0] = np.inf
        best = options[np.arange(len(rows)), costs.argmin(axis=1)]
        ids[rows] = best
        sizes += np.bincount(best, minlength=count)
        while len(rows):
            changed, first = np.unique(best, return_index=True)
            extents.add(changed, rows[first])
            rows, best = np.delete(rows, first), np.delete(best, first)
