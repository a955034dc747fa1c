"""Anonymises a table: finds the generalisation that meets the limits and loses least, among those it tries."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from fairdatabase.anonymity.hierarchies.inferred_hierarchies import hierarchies_of
from fairdatabase.anonymity.hierarchies.kinds import with_cells
from fairdatabase.anonymity.model.classes import Ids, group
from fairdatabase.anonymity.model.errors import BadOption, CannotBeMet
from fairdatabase.anonymity.model.hierarchy import Hierarchy
from fairdatabase.anonymity.model.people import people_of
from fairdatabase.anonymity.model.table import Column, Table
from fairdatabase.anonymity.recoding.recoding import Recoding, recode_by_levels
from fairdatabase.anonymity.risk.diversity import distinct_l
from fairdatabase.anonymity.risk.limits import Content, Limits, failing
from fairdatabase.anonymity.risk.risk import Risk, Roles, check_roles, measure_classes
from fairdatabase.anonymity.risk.sensitive import read_all
from fairdatabase.anonymity.search.disclosure import LeftOut, SingledOut, choose_further, singled_out
from fairdatabase.anonymity.search.full_domain import best_full_domain
from fairdatabase.anonymity.search.local_recoding import Advance, best_local_recoding
from fairdatabase.sheets.errors import BadTable

Method = Literal["least", "full", "local", "cluster"]


@dataclass(frozen=True, slots=True)
class Anonymised:
    """A table that meets the limits, in an order of rows unrelated to the input's.

    `original` has the same rows in the same order before generalisation: for comparison, never for publication.
    `hierarchies` cover only the values in these rows.
    """

    table: Table
    original: Table
    recoding: Recoding
    hierarchies: dict[str, Hierarchy]
    before: Risk
    after: Risk
    sizes_before: NDArray[np.int64]
    sizes_after: NDArray[np.int64]
    discernibility_before: int
    # The columns that are not published: those that `drop` names, the subject, and those in `left_out`.
    dropped: tuple[str, ...]
    # The columns in `keep` are published unchanged, even if they reveal somebody.
    kept: tuple[str, ...]
    left_out: tuple[LeftOut, ...]
    singled_out: SingledOut


def anonymise(
    table: Table,
    roles: Roles,
    limits: Limits,
    *,
    hierarchies: Mapping[str, Hierarchy] | None = None,
    drop: Sequence[str] = (),
    keep: Sequence[str] = (),
    method: Method = "least",
    advance: Advance | None = None,
) -> Anonymised:
    """Generalise a table, and suppress rows where that loses less.

    `hierarchies` replaces the inferred hierarchies of quasi-identifiers. Of the columns without a role, those in `keep`
    are published, and those that are public and single hardly anybody out (see `disclosure`). Dropped columns and the
    subject are not published. `method`: "full" takes each column to one level, "local" describes each class as narrowly
    as possible, "cluster" does that with classes that grow row by row, and "least" uses whichever loses least.
    `advance` is called with the current phase and its finished share. Raises BadTable, CannotBeMet.
    """
    check_limits(limits, roles)
    check_roles(roles, list(table.columns))
    _check_further(drop, keep, roles, table)
    advance = advance or _ignore
    # Shuffled first: even the choice between equal rows must not depend on the order of the input.
    table = table.take(np.random.default_rng().permutation(table.rows))
    subject = table[roles.subject] if roles.subject is not None else None
    sensitive = read_all({title: table[title] for title in roles.sensitive}, roles.categorical)
    content = Content(people_of(subject, table.rows), list(sensitive.values()))
    given, every = hierarchies or {}, np.arange(table.rows, dtype=np.int32)
    ids, count = group([table[title].codes for title in roles.quasi])
    before, sizes_before = measure_classes(ids, count, content.people, sensitive), content.people.smallest(ids, count)
    discernibility_before = int((np.bincount(ids) ** 2).sum())
    # Exact coordinates are not published, even if several people share them.
    quasi = {t: table[t] if t in given else with_cells(table[t], t) for t in roles.quasi}
    unchanged = hierarchies_of(quasi, given)
    recoding = recode_by_levels("unchanged", quasi, unchanged, [0] * len(quasi), every, table.rows)
    ids, count = recoding.classes()
    if failing(ids, count, content, limits).any():
        _check_possible(before, content, sensitive, limits)
        # Free the memory: these are as large as the table, and no longer needed.
        del ids, recoding, unchanged
        recoding = _best(quasi, given, content, limits, method, advance)
    after_ids, after_count, kept = _as_published(table, roles, content, recoding)
    if failing(after_ids, after_count, kept, limits).any():
        # A sensitive column became numeric, because all of its other texts were in suppressed rows. Its distances
        # changed, so search again without suppression.
        recoding = _best(quasi, given, content, replace(limits, max_suppression=0.0), method, advance)
        after_ids, after_count, kept = _as_published(table, roles, content, recoding)
    if failing(after_ids, after_count, kept, limits).any():
        raise AssertionError("a recoding does not meet the limits")
    original = table.take(recoding.rows)
    candidates = Table({t: c for t, c in original.columns.items() if t not in drop}, original.rows)
    further = choose_further(candidates, recoding.columns, roles, kept.people, keep)
    shown = {**{t: original[t] for t in roles.sensitive}, **further.columns, **recoding.columns}
    published = Table({t: shown[t] for t in table.columns if t in shown}, original.rows, table.delimiter)
    after_sensitive = dict(zip(sensitive, kept.sensitive, strict=True))
    return Anonymised(
        table=published,
        original=original,
        recoding=recoding,
        hierarchies=hierarchies_of({title: quasi[title].take(recoding.rows) for title in roles.quasi}, given),
        before=before,
        after=measure_classes(after_ids, after_count, kept.people, after_sensitive),
        sizes_before=sizes_before,
        sizes_after=kept.people.smallest(after_ids, after_count),
        discernibility_before=discernibility_before,
        dropped=tuple(title for title in table.columns if title not in shown),
        kept=tuple(keep),
        left_out=further.left_out,
        singled_out=singled_out(published, roles, kept.people),
    )


def _as_published(table: Table, roles: Roles, content: Content, recoding: Recoding) -> tuple[Ids, int, Content]:
    """Return the classes of a recoding and their content, computed from the published table only."""
    columns = {title: table[title].take(recoding.rows) for title in roles.sensitive}
    sensitive = read_all(columns, roles.categorical)
    return *recoding.classes(), Content(content.people.take(recoding.rows), list(sensitive.values()))


def check_limits(limits: Limits, roles: Roles) -> None:
    """Raise BadOption if a limit is meaningless."""
    for name, good, why in (
        ("k", limits.k >= 1, "must be at least 1"),
        ("l", limits.l >= 1, "must be at least 1"),
        ("t", limits.t is None or 0 <= limits.t <= 1, "must be between 0 and 1"),
        ("max-suppression", 0 <= limits.max_suppression < 1, "must be at least 0 and below 1"),
    ):
        if not good:
            raise BadOption(f"--{name} {why}")
    if (limits.l > 1 or limits.t is not None) and not roles.sensitive:
        raise BadOption("--l and --t limit sensitive columns: they need --sensitive")


def _check_further(drop: Sequence[str], keep: Sequence[str], roles: Roles, table: Table) -> None:
    for verb, past, titles in (("drop", "dropped", drop), ("keep", "kept", keep)):
        for title in titles:
            if title not in table.columns:
                raise BadTable(f"there is no column {title!r} to {verb}", line=1)
            if title in (*roles.quasi, *roles.sensitive):
                raise BadOption(f"{title!r} cannot be {past}: it is named as quasi-identifier or sensitive")
    for title in keep:
        if title == roles.subject:
            raise BadOption(f"{title!r} cannot be kept: it is named as the subject, which is never published")
        if title in drop:
            raise BadOption(f"{title!r} is named by --keep and by --drop")


def _check_possible(before: Risk, content: Content, sensitive: Mapping[str, object], limits: Limits) -> None:
    """Raise CannotBeMet if a limit is broken even when every quasi-identifier is "*"."""
    if before.subjects < limits.k:
        raise CannotBeMet(f"--k {limits.k} cannot be met: the table has {_people(before.subjects)}")
    for title, column in zip(sensitive, content.sensitive, strict=True):
        values = int(distinct_l(np.zeros(len(content), np.int64), 1, column)[0])
        if values < limits.l:
            number = "one value" if values == 1 else f"{values} values"
            raise CannotBeMet(f"--l {limits.l} cannot be met: {title!r} has {number}")


def _people(count: int) -> str:
    return "one person" if count == 1 else f"{count} people"


def _ignore(phase: str, share: float) -> None:
    """Ignore the progress."""


def _best(
    quasi: Mapping[str, Column],
    given: Mapping[str, Hierarchy],
    content: Content,
    limits: Limits,
    method: Method,
    advance: Advance,
) -> Recoding:
    ncp, best = np.inf, None
    if method != "full":
        ncp, best = best_local_recoding(quasi, given, content, limits, advance, cluster_only=method == "cluster")
    if method in ("least", "full"):
        best = best_full_domain(quasi, given, content, limits, ncp, advance) or best
    if best is None:
        # "*" in every column is always possible: `_check_possible` ensured that.
        raise AssertionError("no recoding was found")
    return best
