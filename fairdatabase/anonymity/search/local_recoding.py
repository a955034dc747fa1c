"""Local recoding: each class is generalised separately. Tries several ways and returns the one that loses least."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import product

import numpy as np

from fairdatabase.anonymity.hierarchies.bands import MOST_BANDS
from fairdatabase.anonymity.hierarchies.domains import Domain, domain_of
from fairdatabase.anonymity.hierarchies.inferred_hierarchies import hierarchies_of
from fairdatabase.anonymity.hierarchies.range_bounds import grid_of
from fairdatabase.anonymity.model.hierarchy import Hierarchy
from fairdatabase.anonymity.model.table import Codes, Column
from fairdatabase.anonymity.recoding.recoding import Recoding, ncp_by_classes, recode_by_classes
from fairdatabase.anonymity.risk.limits import Content, Limits
from fairdatabase.anonymity.search.cuts import MEDIANS, STRATEGIES, Strategy
from fairdatabase.anonymity.search.mondrian import orders_of, partition
from fairdatabase.anonymity.search.trimming import trim

# In tables with more cells, only one of the median strategies is tried, because median cuts rarely lose least there.
_ALL_STRATEGIES = 250_000
# Rounded bounds must not lose more than the plain Mondrian. In tables with more cells, the plain Mondrian uses only one
# median strategy: other strategies lose so much less there that the choice of median hardly matters.
_ALL_MEDIANS = 20_000
# Range bounds are rounded to at most this many bands. The wider bands of the hierarchy would lose too much.
_MOST_BANDS = 4 * MOST_BANDS

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

    The whole table as one class must meet the limits. Bounds of ranges are rounded outwards unless that loses more than
    the plain Mondrian, whose bounds are exact. In that case bounds stay exact, and the recoding's `exact_bounds` names
    their columns. `given` are the hierarchies that the user supplies; the others are inferred.
    """
    rows = len(content)
    cells = rows * len(columns)
    hierarchies = hierarchies_of(columns, given)
    strategies = STRATEGIES if cells <= _ALL_STRATEGIES else (MEDIANS[0], *STRATEGIES[len(MEDIANS) :])
    plain = np.inf
    if any(hierarchy.kind == "numbers" for hierarchy in hierarchies.values()):
        medians = MEDIANS if cells <= _ALL_MEDIANS else MEDIANS[:1]
        exact = _domains(columns, hierarchies, None)
        plain = min(map(_loss, _classes(exact, content, limits, medians, advance, trimmed=False)))
        del exact
    ncp, found = np.inf, None
    # Domains are rebuilt when needed: keeping all of them would double the memory.
    for most, trimmed in product((_MOST_BANDS, None), (True, False) if limits.max_suppression else (False,)):
        domains = _domains(columns, hierarchies, most)
        found_classes = _classes(domains, content, limits, strategies, advance, trimmed=trimmed)
        ncp, ids, count, kept = min(found_classes, key=_loss)
        if len(kept) < rows:
            # The width of bands, and the range of a column, must depend on the published rows only.
            published = {title: column.take(kept) for title, column in columns.items()}
            domains = _domains(published, hierarchies_of(published, given), most, columns)
            ncp = ncp_by_classes(domains, ids, count, np.arange(len(kept)), rows)
        if ncp <= plain + 1e-12:
            found = recode_by_classes("local", domains, ids, count, kept, rows)
            break
    assert found is not None
    return ncp, found


def _domains(
    columns: Mapping[str, Column],
    hierarchies: Mapping[str, Hierarchy],
    most: int | None,
    spans: Mapping[str, Column] | None = None,
) -> dict[str, Domain]:
    """Return the domains of columns. Range bounds are rounded to at most `most` bands, or exact if `most` is None."""
    return {
        title: domain_of(
            *(column, hierarchies[title], grid_of(column.values, most) if most is not None else None),
            (spans or columns)[title],
        )
        for title, column in columns.items()
    }


def _loss(found: _Classes) -> float:
    return found[0]


def _classes(
    domains: Mapping[str, Domain],
    content: Content,
    limits: Limits,
    strategies: Sequence[Strategy],
    advance: Advance,
    *,
    trimmed: bool,
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
        out = trim(every, content, limits, ids, count, most_out) if trimmed else np.zeros(rows, np.bool_)
        if out.any():
            kept = np.flatnonzero(~out).astype(np.int32)
            yield ncp_by_classes(domains, ids[kept], count, kept, rows), ids[kept], count, kept
