"""Local: of all local recodings that are tried, the one that loses least."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import product

import numpy as np

from fairdatabase.anonymity.hierarchies.bands import MOST_BANDS
from fairdatabase.anonymity.hierarchies.domains import Domain, domain_of
from fairdatabase.anonymity.hierarchies.inferred_hierarchies import hierarchies_of
from fairdatabase.anonymity.hierarchies.range_bounds import grid_of
from fairdatabase.anonymity.model.hierarchy import Hierarchy
from fairdatabase.anonymity.model.table import Codes, Column
from fairdatabase.anonymity.risk.limits import Content, Limits
from fairdatabase.anonymity.search.cuts import MEDIANS, STRATEGIES, Strategy
from fairdatabase.anonymity.search.mondrian import orders_of, partition
from fairdatabase.anonymity.search.recoding import Recoding, ncp_by_classes, recode_by_classes
from fairdatabase.anonymity.search.trimming import trim

# The more cells, the less likely it is that a cut at a median loses least.
_ALL_STRATEGIES = 250_000
# The more cells, the more the other ways gain on the plain Mondrian, and the less it matters which median that takes.
_ALL_MEDIANS = 20_000
# So many bands, at most, lie between the ends that ranges are rounded to: those of the hierarchy would lose too much.
_MOST_BANDS = 4 * MOST_BANDS

Advance = Callable[[str, float], None]
# The NCP, and the class of each row that is kept, how many classes there are, and which rows these are.
_Classes = tuple[float, Codes, int, Codes]


def least_local(
    columns: Mapping[str, Column],
    given: Mapping[str, Hierarchy],
    content: Content,
    limits: Limits,
    tell: Advance,
) -> tuple[float, Recoding]:
    """Return the local recoding that loses least, and the NCP that it has by the input's own range.

    All rows together have to satisfy the limits. Ranges of numbers are rounded outwards, as far as that loses no more
    than the plain Mondrian, whose ranges end at the very values; where it always does, these ranges do, too, and the
    recoding says so. `given` are the hierarchies that are not to be found.
    """
    rows = len(content)
    cells = rows * len(columns)
    hierarchies = hierarchies_of(columns, given)
    strategies = STRATEGIES if cells <= _ALL_STRATEGIES else (MEDIANS[0], *STRATEGIES[len(MEDIANS) :])
    plain = np.inf
    if any(hierarchy.kind == "numbers" for hierarchy in hierarchies.values()):
        medians = MEDIANS if cells <= _ALL_MEDIANS else MEDIANS[:1]
        exact = _domains(columns, hierarchies, None)
        plain = min(map(_loss, _classes(exact, content, limits, medians, tell, trimmed=False)))
        del exact
    ncp, found = np.inf, None
    # Domains are made anew where they are needed: together they would take as much memory as all else.
    for most, trimmed in product((_MOST_BANDS, None), (True, False) if limits.max_suppression else (False,)):
        domains = _domains(columns, hierarchies, most)
        found_classes = _classes(domains, content, limits, strategies, tell, trimmed=trimmed)
        ncp, ids, count, kept = min(found_classes, key=_loss)
        if len(kept) < rows:
            # Not what is left out, but what is published decides how wide bands are, and what is all there is.
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
    """Return the domains of columns; ranges end at `most` bands at most, or at the very numbers."""
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
    tell: Advance,
    *,
    trimmed: bool,
) -> Iterator[_Classes]:
    """Yield the classes of each strategy, and, where rows are left out, those without these rows."""
    every = list(domains.values())
    orders, rows = orders_of(every), len(content)
    most_out = int(limits.max_suppression * rows + 1e-9)
    for number, strategy in enumerate(strategies):
        done = 0

        def advance(found: int, number: int = number) -> None:
            nonlocal done
            done += found
            tell("local generalisation", (number + done / rows) / len(strategies))

        ids, count = partition(every, content, limits, strategy, orders, advance)
        whole = np.arange(rows, dtype=np.int32)
        yield ncp_by_classes(domains, ids, count, whole, rows), ids, count, whole
        out = trim(every, content, limits, ids, count, most_out) if trimmed else np.zeros(rows, np.bool_)
        if out.any():
            kept = np.flatnonzero(~out).astype(np.int32)
            yield ncp_by_classes(domains, ids[kept], count, kept, rows), ids[kept], count, kept
