"""Local recoding: each class is generalised separately. Tries several ways and returns the one that loses least."""

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

from fairdatabase.anonymity.hierarchies.domains import Domain, domain_of
from fairdatabase.anonymity.hierarchies.inferred_hierarchies import hierarchies_of
from fairdatabase.anonymity.model.hierarchy import Hierarchy
from fairdatabase.anonymity.model.table import Codes, Column
from fairdatabase.anonymity.recoding.recoding import Recoding, ncp_by_classes, recode_by_classes
from fairdatabase.anonymity.risk.limits import Content, Limits
from fairdatabase.anonymity.search.clustering import cluster
from fairdatabase.anonymity.search.cuts import MEDIANS, STRATEGIES, Strategy
from fairdatabase.anonymity.search.mondrian import orders_of, partition
from fairdatabase.anonymity.search.regrouping import merge_failing, regroup
from fairdatabase.anonymity.search.sweep import Positions
from fairdatabase.anonymity.search.trimming import trim

# In tables with more cells, only one of the median strategies is tried, because median cuts rarely lose least there.
_ALL_STRATEGIES = 250_000
# In tables with more cells, clustering takes longer than everything else, and rarely loses less than cuts.
_MOST_CELLS_CLUSTERED = 80_000
# Small tables are clustered several times, from different rows.
_MOST_STARTS = 4
_CELLS_OF_ALL_STARTS = 40_000
# Clustering compares each row with the rows of its block. This limits the number of cells that are compared.
_MOST_CELLS_COMPARED = 1_000_000_000

Advance = Callable[[str, float], None]
# The NCP, the class of each kept row, the number of classes, and the kept rows.
_Classes = tuple[float, Codes, int, Codes]


def best_local_recoding(
    columns: Mapping[str, Column],
    given: Mapping[str, Hierarchy],
    content: Content,
    limits: Limits,
    advance: Advance,
    *,
    cluster_only: bool = False,
) -> tuple[float, Recoding]:
    """Return the local recoding that loses least, and its NCP measured against the range of the input.

    The whole table as one class must meet the limits. `given` are the hierarchies that the user supplies; the others
    are inferred. Small tables are cut and clustered, large ones are cut, unless `cluster_only` is set.
    """
    rows = len(content)
    hierarchies = hierarchies_of(columns, given)
    cells = rows * len(columns)
    strategies = STRATEGIES if cells <= _ALL_STRATEGIES else (MEDIANS[0], *STRATEGIES[len(MEDIANS) :])
    if cluster_only:
        strategies = ()
    domains = _domains(columns, hierarchies, hierarchies)
    clustered = cluster_only or cells <= _MOST_CELLS_CLUSTERED
    complete, trimmed = None, None
    for found in _classes(domains, content, limits, strategies, advance, clustered=clustered):
        if len(found[3]) == rows:
            complete = found if complete is None else min(complete, found, key=_loss)
        else:
            trimmed = found if trimmed is None else min(trimmed, found, key=_loss)
    # Classes that are cut or clustered without trimming always exist.
    assert complete is not None  # noqa: S101 - see the line above
    ncp, ids, count, kept = complete
    if trimmed is not None and trimmed[0] < ncp:
        # The grid and the range of a column must depend on the published rows only, so the loss changes.
        published = {title: column.take(trimmed[3]) for title, column in columns.items()}
        fewer = _domains(published, hierarchies_of(published, given), hierarchies)
        _, these, number, left = trimmed
        loss = ncp_by_classes(fewer, these, number, np.arange(len(left)), rows)
        if loss < ncp:
            return loss, recode_by_classes("local", fewer, these, number, left, rows)
    return ncp, recode_by_classes("local", domains, ids, count, kept, rows)


def _domains(
    columns: Mapping[str, Column], hierarchies: Mapping[str, Hierarchy], spans: Mapping[str, Hierarchy]
) -> dict[str, Domain]:
    return {title: domain_of(column, hierarchies[title], spans[title]) for title, column in columns.items()}


def _loss(found: _Classes) -> float:
    return found[0]


def _classes(
    domains: Mapping[str, Domain],
    content: Content,
    limits: Limits,
    strategies: Sequence[Strategy],
    advance: Advance,
    *,
    clustered: bool,
) -> Iterator[_Classes]:
    """Yield the classes of each strategy and of clustering, and again without the trimmed rows if there are any."""
    every = list(domains.values())
    orders, rows = orders_of(every), len(content)
    most_out = int(limits.max_suppression * rows + 1e-9)
    steps = len(strategies) + clustered

    def found() -> Iterator[tuple[Codes, int]]:
        for number, strategy in enumerate(strategies):
            done = 0

            def count_done(more: int, number: int = number) -> None:
                nonlocal done
                done += more
                advance("local generalisation", (number + done / rows) / steps)

            yield partition(every, content, limits, strategy, orders, count_done)
        if clustered:
            for _ in range(max(1, min(_MOST_STARTS, _CELLS_OF_ALL_STARTS // (rows * len(every))))):
                yield _clusters(every, content, limits, orders)

    for ids, count in found():
        whole = np.arange(rows, dtype=np.int32)
        yield ncp_by_classes(domains, ids, count, whole, rows), ids, count, whole
        out = trim(every, content, limits, ids, count, most_out)
        if out.any():
            kept = np.flatnonzero(~out).astype(np.int32)
            yield ncp_by_classes(domains, ids[kept], count, kept, rows), ids[kept], count, kept


def _clusters(
    domains: Sequence[Domain], content: Content, limits: Limits, orders: Sequence[Positions]
) -> tuple[Codes, int]:
    """Return the classes that clustering finds."""
    rows = len(content)
    most = _MOST_CELLS_COMPARED // (rows * len(domains))
    blocks = [np.random.default_rng().permutation(rows)]
    if most < rows:
        # The cuts of large tables leave neighbouring rows together.
        ids, count = partition(domains, content, Limits(max(most // 2, limits.k)), MEDIANS[0], orders)
        blocks = np.split(np.argsort(ids, kind="stable"), np.cumsum(np.bincount(ids, minlength=count))[:-1])
    ids, count = cluster(domains, content, limits, blocks)
    ids, count = regroup(domains, content, limits, ids, count)
    return merge_failing(domains, content, limits, ids, count)
