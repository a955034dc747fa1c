"""A recoding: the published rows of a table, and their generalised quasi-identifiers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fairdatabase.anonymity.hierarchies.domains import Domain
from fairdatabase.anonymity.model.classes import Ids, group
from fairdatabase.anonymity.model.hierarchy import Hierarchy
from fairdatabase.anonymity.model.table import Codes, Column, narrow
from fairdatabase.anonymity.recoding.loss import Loss, loss_of, lost_as_written


@dataclass(frozen=True, slots=True)
class Recoding:
    """The published `rows` of the input, their generalised quasi-identifiers in the same order, and the loss.

    `kind` is "full-domain", "local" or "unchanged". `levels` is the level of each column of a full-domain recoding.
    """

    kind: str
    rows: NDArray[np.integer]
    columns: dict[str, Column]
    loss: Loss
    levels: dict[str, int] | None = None

    def classes(self) -> tuple[Ids, int]:
        """Return the classes of the published values."""
        return group([column.codes for column in self.columns.values()])


def ncp_by_classes(
    domains: Mapping[str, Domain], ids: Codes, count: int, rows: NDArray[np.integer], total: int
) -> float:
    """Return the NCP that the result of `recode_by_classes` would have for these classes."""
    sizes = np.bincount(ids, minlength=count)
    lost = 0.0
    for domain in domains.values():
        _, _, low, high, present = _ranks_by_class(domain, ids, count, domain.ranks[rows])
        lost += float(domain.exact_loss(low, high, present) @ sizes)
    return lost / total / len(domains) + (total - len(rows)) / total


def recode_by_classes(
    kind: str, domains: Mapping[str, Domain], ids: Codes, count: int, rows: NDArray[np.integer], total: int
) -> Recoding:
    """Return the recoding that describes each class as narrowly as possible. `ids` is the class of each of `rows`.

    The domains must describe only these rows: suppressed rows must influence neither the written values nor the loss.
    """
    columns: dict[str, Column] = {}
    lost: dict[str, float] = {}
    sizes = np.bincount(ids, minlength=count)
    for title, domain in domains.items():
        columns[title], losses = _describe(domain, ids, count, domain.ranks)
        lost[title] = lost_as_written(columns[title]) if domain.numbers else float(losses @ sizes)
    written, number = group([column.codes for column in columns.values()])
    return Recoding(kind, rows, columns, loss_of(lost, written, number, total))


def _describe(domain: Domain, ids: Codes, count: int, ranks: NDArray[np.integer]) -> tuple[Column, NDArray[np.float64]]:
    """Return the written column, and the loss of each class."""
    present, starts, low, high, sizes = _ranks_by_class(domain, ids, count, ranks)
    ends = starts + sizes
    losses = domain.exact_loss(low, high, sizes)
    labels: dict[str, int] = {}
    known: dict[tuple[int, ...], int] = {}
    codes = np.empty(count, np.int32)
    for number, (start, end) in enumerate(zip(starts.tolist(), ends.tolist(), strict=True)):
        # On a line or in a tree, the extremes describe the class.
        ranks_here = present[start:end] if domain.as_set else present[[start, end - 1] if end - start > 1 else [start]]
        key = tuple(ranks_here.tolist())
        if key not in known:
            known[key] = labels.setdefault(domain.label(key), len(labels))
        codes[number] = known[key]
    return Column(list(labels), narrow(codes, len(labels))[ids]), losses


def _ranks_by_class(
    domain: Domain, ids: Codes, count: int, ranks: NDArray[np.integer]
) -> tuple[NDArray[np.int32], Ids, NDArray[np.int32], NDArray[np.int32], Ids]:
    """Return the distinct ranks, class by class, and for each class their start, lowest, highest and number."""
    found = np.unique(ids.astype(np.int64) * domain.size + ranks)
    present = (found % domain.size).astype(np.int32)
    starts = np.searchsorted(found, np.arange(count) * domain.size)
    ends = np.append(starts[1:], len(found))
    return present, starts, present[starts], present[ends - 1], ends - starts


def recode_by_levels(
    kind: str,
    columns: Mapping[str, Column],
    hierarchies: Mapping[str, Hierarchy],
    levels: Sequence[int],
    rows: NDArray[np.integer],
    total: int,
) -> Recoding:
    """Return the full-domain recoding that takes all values of a column to the same level.

    `columns` contain only the published rows; `rows` are their numbers among the `total` rows of the input.
    """
    recoded: dict[str, Column] = {}
    lost: dict[str, float] = {}
    for (title, column), level in zip(columns.items(), levels, strict=True):
        chosen = hierarchies[title].levels[level]
        recoded[title] = Column(chosen.labels, narrow(chosen.nodes, len(chosen.labels))[column.codes])
        lost[title] = (
            lost_as_written(recoded[title])
            if hierarchies[title].kind == "numbers"
            else float(chosen.losses @ np.bincount(column.codes, minlength=len(chosen.losses)))
        )
    written, number = group([column.codes for column in recoded.values()])
    return Recoding(kind, rows, recoded, loss_of(lost, written, number, total), dict(zip(columns, levels, strict=True)))
