"""Local recoding: each class is generalised separately. Tries several ways and returns the one that loses least."""

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

from fairdatabase.anonymity.hierarchies.domains import Domain, domain_of
from fairdatabase.anonymity.hierarchies.inferred_hierarchies import hierarchies_of
from fairdatabase.anonymity.model.hierarchy import Hierarchy
from fairdatabase.anonymity.model.table import Codes, Column
from fairdatabase.anonymity.recoding.recoding import Recoding, ncp_by_classes, recode_by_classes
from fairdatabase.anonymity.risk.limits import Content, Limits
from fairdatabase.anonymity.search.cuts import MEDIANS, STRATEGIES, Strategy
from fairdatabase.anonymity.search.mondrian import orders_of, partition
from fairdatabase.anonymity.search.trimming import trim

# In tables with more cells, only one of the median strategies is tried, because median cuts rarely lose least there.
_ALL_STRATEGIES = 250_000

Advance = Callable[[str, float], None]
# The NCP, the class of each kept row, the number of classes, and the kept rows.
_Classes = tuple[float, Codes, int, Codes]


def best_local_recoding(
    columns: Mapping[str, Column],
    given: Mapping[str, Hierarchy],
    content: Content,
    limits: Limits,
    advance: Advance,
) -> tuple[float, Recoding]:
    """Return the local recoding that loses least, and its NCP measured against the range of the input.

    The whole table as one class must meet the limits. `given` are the hierarchies that the user supplies; the others
    are inferred.
    """
    rows = len(content)
    hierarchies = hierarchies_of(columns, given)
    strategies = STRATEGIES if rows * len(columns) <= _ALL_STRATEGIES else (MEDIANS[0], *STRATEGIES[len(MEDIANS) :])
    domains = _domains(columns, hierarchies, hierarchies)
    complete, trimmed = None, None
    for found in _classes(domains, content, limits, strategies, advance):
        if len(found[3]) == rows:
            complete = found if complete is None else min(complete, found, key=_loss)
        else:
            trimmed = found if trimmed is None else min(trimmed, found, key=_loss)
    assert complete is not None
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
) -> Iterator[_Classes]:
    """Yield the classes of each strategy, and again without the trimmed rows if trimming leaves any out."""
    every = list(domains.values())
    orders, rows = orders_of(every), len(content)
    most_out = int(limits.max_suppression * rows + 1e-9)
    for number, strategy in enumerate(strategies):
        done = 0

        def count_done(more: int, number: int = number) -> None:
            nonlocal done
            done += more
            advance("local generalisation", (number + done / rows) / len(strategies))

        ids, count = partition(every, content, limits, strategy, orders, count_done)
        whole = np.arange(rows, dtype=np.int32)
        yield ncp_by_classes(domains, ids, count, whole, rows), ids, count, whole
        out = trim(every, content, limits, ids, count, most_out)
        if out.any():
            kept = np.flatnonzero(~out).astype(np.int32)
            yield ncp_by_classes(domains, ids[kept], count, kept, rows), ids[kept], count, kept
