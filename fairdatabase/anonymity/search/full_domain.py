"""Full-domain recoding: a whole column is generalised to one level. Finds the combination that loses least."""

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from fairdatabase.anonymity.hierarchies.inferred_hierarchies import hierarchies_of
from fairdatabase.anonymity.model.hierarchy import Hierarchy
from fairdatabase.anonymity.model.table import Column
from fairdatabase.anonymity.recoding.recoding import Recoding, recode_by_levels
from fairdatabase.anonymity.risk.limits import Content, Limits
from fairdatabase.anonymity.search.lattice import Lattice, search

# How often rows may be left out; each time, levels are searched again for the remaining rows.
_ROUNDS = 3


def best_full_domain(
    columns: Mapping[str, Column],
    given: Mapping[str, Hierarchy],
    content: Content,
    limits: Limits,
    better_than: float,
    advance: Callable[[str, float], None],
) -> Recoding | None:
    """Return the full-domain recoding that loses least, None if none loses less than `better_than`.

    After rows are left out, levels are searched again for only the remaining rows: otherwise the published bands would
    reveal the range of the suppressed rows.
    """
    total = len(content)
    rows, most_out = np.arange(total, dtype=np.int32), limits.max_suppression * total
    for left in range(_ROUNDS, -1, -1):
        share = (most_out - (total - len(rows))) / len(rows) if left else 0.0
        hierarchies = hierarchies_of(columns, given)
        lattice = Lattice(
            *(list(columns.values()), list(hierarchies.values()), content),
            replace(limits, max_suppression=max(share, 0.0)),
        )
        levels = search(lattice, better_than, lambda looks: advance("full-domain generalisation", 0.0))
        kept = lattice.kept(levels) if levels is not None else None
        if levels is None or kept is None:
            return None
        if len(kept) == len(rows):
            return recode_by_levels("full-domain", columns, hierarchies, levels, rows, total)
        rows, content, better_than = rows[kept], content.take(kept), np.inf
        columns = {title: column.take(kept) for title, column in columns.items()}
    raise AssertionError("rows are left out although none may be")
