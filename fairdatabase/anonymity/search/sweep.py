"""Sweeps: what every possible cut of groups of rows would lose, and whether it is permitted."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fairdatabase.anonymity.hierarchies.domains import Domain
from fairdatabase.anonymity.model.classes import count_distinct
from fairdatabase.anonymity.model.people import NOBODY
from fairdatabase.anonymity.risk.limits import Content, Limits

Positions = NDArray[np.integer]
Losses = NDArray[np.float64]
# Each column is swept over each other one.
_MOST_COLUMNS = 12


@dataclass(frozen=True, slots=True)
class Groups:
    """Rows lie group by group; `owner` is the group at each position, `left` how many rows of it lie up to there."""

    starts: Positions
    sizes: Positions
    owner: Positions
    left: Positions

    @property
    def right(self) -> Positions:
        """How many rows of its group lie behind each position."""
        return self.sizes.astype(np.int32)[self.owner] - self.left

    @property
    def ends(self) -> Positions:
        """The last position of each group."""
        return self.starts + self.sizes - 1


def groups_of(sizes: Positions) -> Groups:
    """Return groups of the given sizes, in a row."""
    starts = np.cumsum(sizes) - sizes
    # Positions in 32 bits: these are as long as the table, and many are alive at once.
    owner = np.repeat(np.arange(len(sizes), dtype=np.int32), sizes)
    left = np.arange(1, len(owner) + 1, dtype=np.int32) - starts.astype(np.int32)[owner]
    return Groups(starts, sizes, owner, left)


def side_losses(domains: Sequence[Domain], order: Positions, groups: Groups) -> tuple[Losses, Losses]:
    """Return the loss of a row left of a cut behind each position, and right of it, as the sum over columns.

    `order` holds row numbers. A group's last position has nothing to its right: the loss there is 0.
    """
    left, right = np.zeros(len(order)), np.zeros(len(order))
    backward = len(groups.sizes) - 1 - groups.owner[::-1]
    for domain in domains:
        ranks = domain.ranks[order]
        left += domain.loss(*_extremes(ranks, domain.size, groups.owner))
        low, high = _extremes(ranks[::-1], domain.size, backward)
        right[:-1] += domain.loss(low, high)[::-1][1:]
    right[groups.ends] = 0
    return left, right


def group_losses(domains: Sequence[Domain], order: Positions, groups: Groups) -> list[Losses]:
    """Return what a row of each group loses, column by column."""
    return [domain.loss(*_ends(domain, order, groups)) for domain in domains]


def group_widths(domains: Sequence[Domain], order: Positions, groups: Groups, by: str) -> list[Losses]:
    """Return how wide each group is, column by column: by "loss", by the part of all "ranks", by how many "values"."""
    found = []
    for domain in domains:
        low, high = _ends(domain, order, groups)
        if by == "ranks":
            found.append((high - low) / max(1, domain.size - 1))
            continue
        if by == "loss" and not domain.as_set:
            found.append(domain.loss(low, high))
            continue
        present = count_distinct(groups.owner.astype(np.int64), len(groups.sizes), domain.ranks[order])
        found.append(domain.exact_loss(low, high, present) if by == "loss" else present - 1.0)
    return found


def _ends(domain: Domain, order: Positions, groups: Groups) -> tuple[NDArray[np.integer], NDArray[np.integer]]:
    ranks = domain.ranks[order]
    # Widened: whoever asks for a loss calculates with them.
    ends = np.minimum.reduceat(ranks, groups.starts), np.maximum.reduceat(ranks, groups.starts)
    return ends[0].astype(np.int32), ends[1].astype(np.int32)


def widest(domains: Sequence[Domain], order: Positions, groups: Groups) -> list[int]:
    """Return the columns that are worth a look: those that lose most, if there are many."""
    every = list(range(len(domains)))
    if len(domains) <= _MOST_COLUMNS:
        return every
    lost = [float(losses @ groups.sizes) for losses in group_losses(domains, order, groups)]
    return sorted(every, key=lambda i: -lost[i])[:_MOST_COLUMNS]


def permitted(content: Content, limits: Limits, order: Positions, groups: Groups) -> tuple[NDArray[np.bool_], ...]:
    """Return whether the rows up to each position hold people and values enough, and whether those behind it do."""
    people = content.people.subjects
    if people is None:
        left, right = groups.left >= limits.k, groups.right >= limits.k
    else:
        codes = people[order]
        left, right = (counts >= limits.k for counts in _distinct(codes, groups, codes != NOBODY))
        if limits.k == 1:
            # Rows that name nobody are somebody's all the same.
            left, right = groups.left > 0, groups.right > 0
    if limits.l > 1:
        for sensitive in content.sensitive:
            up_to, behind = _distinct(sensitive.codes[order], groups)
            left &= up_to >= limits.l
            right &= behind >= limits.l
    return left, right


def _extremes(
    ranks: NDArray[np.integer], size: int, owner: Positions
) -> tuple[NDArray[np.integer], NDArray[np.integer]]:
    """Return the lowest and the highest rank of each group up to each position: maxima that start anew with a group."""
    wide = (int(owner[-1]) + 1) * size >= 1 << 31
    offset = owner.astype(np.int64 if wide else np.int32) * size
    high = np.maximum.accumulate(ranks + offset) - offset
    low = size - 1 - (np.maximum.accumulate((size - 1 - ranks) + offset) - offset)
    return low, high


def _distinct(
    codes: NDArray[np.integer], groups: Groups, counted: NDArray[np.bool_] | None = None
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Return how many different codes each group holds up to each position, and behind it; only those `counted`."""
    key = groups.owner.astype(np.int64) * (int(codes.max(initial=0)) + 1) + codes
    by_key = np.argsort(key, kind="stable")
    turns = np.flatnonzero(np.diff(key[by_key])) + 1
    first, last = np.zeros((2, len(key)), np.int32)
    first[by_key[np.concatenate([[0], turns])]] = 1
    last[by_key[np.concatenate([turns, [len(key)]]) - 1]] = 1
    if counted is not None:
        first &= counted
        last &= counted
    seen = np.cumsum(first, dtype=np.int32)
    done = np.cumsum(last, dtype=np.int32)
    starts = groups.starts
    up_to = seen - (seen[starts] - first[starts])[groups.owner]
    behind = done[groups.ends][groups.owner] - done
    return up_to, behind
