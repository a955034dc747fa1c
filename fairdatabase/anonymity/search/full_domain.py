"""Full: of all full-domain recodings, in which each column has one level, the one that loses least."""

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from fairdatabase.anonymity.hierarchies.inferred_hierarchies import hierarchies_of
from fairdatabase.anonymity.model.hierarchy import Hierarchy
from fairdatabase.anonymity.model.table import Column
from fairdatabase.anonymity.risk.limits import Content, Limits
from fairdatabase.anonymity.search.lattice import Lattice, search
from fairdatabase.anonymity.search.recoding import Recoding, recode_by_levels

# So many times rows may be left out; each time the levels of those that remain are found anew.
_ROUNDS = 3


def least_full(
    columns: Mapping[str, Column],
    given: Mapping[str, Hierarchy],
    content: Content,
    limits: Limits,
    better_than: float,
    tell: Callable[[str, float], None],
) -> Recoding | None:
    """Return the full-domain recoding that loses least, None when none loses less than `better_than`.

    Where rows are left out, levels are sought once more for the others alone: else the bands of those that are
    published would tell of the range of those that are not.
    """
    total = len(content)
    rows, most_out = np.arange(total, dtype=np.int32), limits.max_suppression * total
    for left in range(_ROUNDS, -1, -1):
        part = (most_out - (total - len(rows))) / len(rows) if left else 0.0
        hierarchies = hierarchies_of(columns, given)
        lattice = Lattice(
            *(list(columns.values()), list(hierarchies.values()), content),
            replace(limits, max_suppression=max(part, 0.0)),
        )
        levels = search(lattice, better_than, lambda looks: tell("full-domain generalisation", 0.0))
        kept = lattice.kept(levels) if levels is not None else None
        if levels is None or kept is None:
            return None
        if len(kept) == len(rows):
            return recode_by_levels("full-domain", columns, hierarchies, levels, rows, total)
        rows, content, better_than = rows[kept], content.take(kept), np.inf
        columns = {title: column.take(kept) for title, column in columns.items()}
    raise AssertionError("rows are left out where none may be")
