"""Local: of all local recodings that are tried, the one that loses least."""

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

from anonymity.bands import MOST_BANDS
from anonymity.cuts import MEDIANS, STRATEGIES, Strategy
from anonymity.domains import Domain, domain_of
from anonymity.ends import Sharing
from anonymity.hierarchy import Hierarchy
from anonymity.limits import Content, Limits
from anonymity.mondrian import orders_of, partition
from anonymity.recoding import Recoding, ncp_by_classes, recode_by_classes
from anonymity.table import Codes, Column
from anonymity.trimming import trim

# The more cells, the less likely it is that a cut at a median loses least.
_ALL_STRATEGIES = 250_000
# The more cells, the more the other ways gain on the plain Mondrian, and the less it matters which median that takes.
_ALL_MEDIANS = 20_000
# So many bands, at most, lie between the ends that ranges are rounded to: first as in the hierarchy, then finer ones.
_MOST_BANDS = (MOST_BANDS, 4 * MOST_BANDS)

Advance = Callable[[str, float], None]
Quasi = Mapping[str, tuple[Column, Hierarchy]]
# The NCP, and the class of each row that is kept, how many classes there are, and which rows these are.
_Classes = tuple[float, Codes, int, Codes]


def least_local(quasi: Quasi, content: Content, limits: Limits, tell: Advance) -> Recoding:
    """Return the local recoding that loses least; all rows together have to satisfy the limits.

    Ranges of numbers are rounded outwards, as far as that loses no more than the plain Mondrian, whose ranges end at
    the very values; where it always does, these ranges do, too, and the recoding says so.
    """
    cells = len(content) * len(quasi)
    strategies = STRATEGIES if cells <= _ALL_STRATEGIES else (MEDIANS[0], *STRATEGIES[len(MEDIANS) :])
    plain = np.inf
    # With k = 1 every number is shared enough.
    if limits.k > 1 and any(hierarchy.kind == "numbers" for _, hierarchy in quasi.values()):
        medians = MEDIANS if cells <= _ALL_MEDIANS else MEDIANS[:1]
        plain = min(map(_loss, _classes(_domains(quasi, None), content, limits, medians, tell, trimmed=False)))
    sharing, best = None, None
    # Domains are made anew where they are needed: together they would take as much memory as all else.
    for sharing in (*(Sharing(content.people, limits.k, most) for most in _MOST_BANDS), None):
        best = min(_classes(_domains(quasi, sharing), content, limits, strategies, tell), key=_loss)
        if best[0] <= plain + 1e-12:
            break
    assert best is not None
    return recode_by_classes("local", _domains(quasi, sharing), *best[1:], len(content))


def _domains(quasi: Quasi, sharing: Sharing | None) -> dict[str, Domain]:
    return {title: domain_of(column, hierarchy, sharing) for title, (column, hierarchy) in quasi.items()}


def _loss(found: _Classes) -> float:
    return found[0]


def _classes(
    domains: Mapping[str, Domain],
    content: Content,
    limits: Limits,
    strategies: Sequence[Strategy],
    tell: Advance,
    *,
    trimmed: bool = True,
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
