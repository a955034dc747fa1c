"""Sweeps over groups of rows: the loss of each possible cut, and whether the cut is permitted."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fairdatabase.anonymity.hierarchies.domains import Domain
from fairdatabase.anonymity.model.classes import count_distinct
from fairdatabase.anonymity.model.people import NOBODY
from fairdatabase.anonymity.risk.limits import Content, Limits
from fairdatabase.anonymity.risk.sensitive import Lists

Positions = NDArray[np.integer]
Losses = NDArray[np.float64]
# The maximum number of columns to cut. The time grows with the square of this number, because the sweep visits every
# column in the order of every other column.
_MOST_COLUMNS = 12


@dataclass(frozen=True, slots=True)
class Groups:
    """Consecutive groups of rows.

    For each position, `owner` is the group, and `left` is the number of the group's rows up to and including it.
    """

    starts: Positions
    sizes: Positions
    owner: Positions
    left: Positions

    @property
    def right(self) -> Positions:
        """The number of rows after each position in the same group."""
        return self.sizes.astype(np.int32)[self.owner] - self.left

    @property
    def ends(self) -> Positions:
        """The last position of each group."""
        return self.starts + self.sizes - 1


def groups_of(sizes: Positions) -> Groups:
    """Return consecutive groups of these sizes."""
    starts = np.cumsum(sizes) - sizes
    # 32 bits, because these arrays are as long as the table and many exist at once.
    owner = np.repeat(np.arange(len(sizes), dtype=np.int32), sizes)
    left = np.arange(1, len(owner) + 1, dtype=np.int32) - starts.astype(np.int32)[owner]
    return Groups(starts, sizes, owner, left)


def side_losses(domains: Sequence[Domain], order: Positions, groups: Groups) -> tuple[Losses, Losses]:
    """Return the loss of a row on the left and on the right of a cut after each position, summed over columns.

    `order` contains row numbers. No row is to the right of a group's last position, so the loss there is 0.
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
    """Return the loss of a row of each group, column by column."""
    return [domain.loss(*_lowest_and_highest(domain, order, groups)) for domain in domains]


def group_widths(domains: Sequence[Domain], order: Positions, groups: Groups, by: str) -> list[NDArray[np.floating]]:
    """Return the width of each group, column by column: its "loss", share of "ranks", or number of "values"."""
    found: list[NDArray[np.floating]] = []
    for domain in domains:
        low, high = _lowest_and_highest(domain, order, groups)
        if by == "ranks":
            found.append((high - low) / max(1, domain.size - 1))
            continue
        if by == "loss" and not domain.as_set:
            found.append(domain.loss(low, high))
            continue
        present = count_distinct(groups.owner.astype(np.int64), len(groups.sizes), domain.ranks[order])
        found.append(domain.exact_loss(low, high, present) if by == "loss" else present - 1.0)
    return found


def _lowest_and_highest(
    domain: Domain, order: Positions, groups: Groups
) -> tuple[NDArray[np.integer], NDArray[np.integer]]:
    ranks = domain.ranks[order]
    # Widened, because the loss functions calculate with ranks.
    ends = np.minimum.reduceat(ranks, groups.starts), np.maximum.reduceat(ranks, groups.starts)
    return ends[0].astype(np.int32), ends[1].astype(np.int32)


def widest(domains: Sequence[Domain], order: Positions, groups: Groups) -> list[int]:
    """Return the columns to consider: those that lose most, if there are many."""
    every = list(range(len(domains)))
    if len(domains) <= _MOST_COLUMNS:
        return every
    lost = [float(losses @ groups.sizes) for losses in group_losses(domains, order, groups)]
    return sorted(every, key=lambda i: -lost[i])[:_MOST_COLUMNS]


def permitted(content: Content, limits: Limits, order: Positions, groups: Groups) -> tuple[NDArray[np.bool_], ...]:
    """Return whether the rows up to each position have enough people and values, and whether those after it do."""
    people = content.people.subjects
    if people is None:
        left, right = groups.left >= limits.k, groups.right >= limits.k
    else:
        codes = people[order]
        left, right = (counts >= limits.k for counts in _distinct(codes, groups, codes != NOBODY))
        if limits.k == 1:
            # Unnamed rows add nobody to the count, but a side that has only unnamed rows has at least one person.
            left, right = groups.left > 0, groups.right > 0
    if limits.l > 1:
        for sensitive in content.sensitive:
            codes = sensitive.codes[order]
            up_to, behind = (
                _distinct(codes, groups) if sensitive.lists is None else _diversity(codes, groups, sensitive.lists)
            )
            left &= up_to >= limits.l
            right &= behind >= limits.l
    return left, right


def _extremes(
    ranks: NDArray[np.integer], size: int, owner: Positions
) -> tuple[NDArray[np.integer], NDArray[np.integer]]:
    """Return the lowest and highest rank up to each position within its group."""
    wide = (int(owner[-1]) + 1) * size >= 1 << 31
    offset = owner.astype(np.int64 if wide else np.int32) * size
    high = np.maximum.accumulate(ranks + offset) - offset
    low = size - 1 - (np.maximum.accumulate((size - 1 - ranks) + offset) - offset)
    return low, high


def _distinct(
    codes: NDArray[np.integer], groups: Groups, counted: NDArray[np.bool_] | None = None
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Return the number of different codes of a group up to and after each position, in rows marked as `counted`."""
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


def _diversity(codes: NDArray[np.integer], groups: Groups, lists: Lists) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return how diverse the lists of a group are up to and after each position (see `risk.diversity`)."""
    up_to = _diversity_up_to(codes, groups.owner, lists)
    behind = np.zeros(len(codes), np.int64)
    backward = len(groups.sizes) - 1 - groups.owner[::-1]
    behind[:-1] = _diversity_up_to(codes[::-1], backward, lists)[::-1][1:]
    behind[groups.ends] = 0
    return up_to, behind


def _diversity_up_to(codes: NDArray[np.integer], owner: Positions, lists: Lists) -> NDArray[np.int64]:
    owner = owner.astype(np.int64)
    _, first = np.unique(owner * (len(lists.starts) - 1) + codes, return_index=True)
    first.sort()
    is_first = np.zeros(len(codes), np.int64)
    is_first[first] = 1
    seen = np.cumsum(is_first)
    starts = np.flatnonzero(np.append(True, owner[1:] != owner[:-1]))
    distinct = seen - (seen[starts] - 1)[owner]
    # How many different lists had each item so far.
    items, owners = lists.expand(codes[first])
    positions = first[owners]
    keys = owner[positions] * lists.count + items
    by_key = np.argsort(keys, kind="stable")
    runs = np.flatnonzero(np.append(True, np.diff(keys[by_key]) != 0))
    often = np.empty(len(keys), np.int64)
    often[by_key] = np.arange(len(keys)) - np.repeat(runs, np.diff(np.append(runs, len(keys)))) + 1
    most_common = np.zeros(len(codes), np.int64)
    np.maximum.at(most_common, positions, often)
    offset = owner * (len(codes) + 1)
    return distinct - (np.maximum.accumulate(most_common + offset) - offset) + 1
