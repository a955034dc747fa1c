"""Anonymises a table: finds the generalisation that meets the limits and loses least, among those it tries."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fairdatabase.anonymity.hierarchies.inferred_hierarchies import hierarchies_of
from fairdatabase.anonymity.model.classes import Ids, group
from fairdatabase.anonymity.model.errors import BadOption, CannotBeMet
from fairdatabase.anonymity.model.hierarchy import Hierarchy
from fairdatabase.anonymity.model.people import people_of
from fairdatabase.anonymity.model.table import Column, Table
from fairdatabase.anonymity.recoding.recoding import Recoding, recode_by_levels
from fairdatabase.anonymity.recoding.shared_values import hidden_rows, hide_rare, hide_rare_categories
from fairdatabase.anonymity.risk.diversity import distinct_l
from fairdatabase.anonymity.risk.limits import Content, Limits, failing
from fairdatabase.anonymity.risk.risk import Risk, Roles, check_roles, measure_classes
from fairdatabase.anonymity.risk.sensitive import read_all
from fairdatabase.anonymity.search.disclosure import (
    LeftOut,
    SingledOut,
    choose_further,
    share_sensitive,
    singled_out,
)
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
    # The roles of the input, without sensitive columns that are left out.
    roles: Roles
    # In how many rows of a column "*" stands for a value that fewer than k people have.
    hidden: dict[str, int]
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

    `hierarchies` replaces the inferred hierarchies of quasi-identifiers. Values of sensitive columns become coarser
    until k people share each. Of the columns without a role, those are published that are public and single nobody out
    (see `disclosure`). Columns in `keep` are published unchanged. Dropped columns and the subject are not published.
    `method`: "full" takes each column to one level, "local" describes each class as narrowly as possible, "cluster"
    does that with classes that grow row by row, and "least" uses whichever loses least. `advance` is called with the
    current phase and its finished share. Raises BadTable, CannotBeMet.
    """
    check_limits(limits, roles)
    check_roles(roles, list(table.columns))
    _check_further(drop, keep, roles, table)
    advance = advance or _ignore
    # Shuffled first: even the choice between equal rows must not depend on the order of the input.
    table = table.take(np.random.default_rng().permutation(table.rows))
    subject = table[roles.subject] if roles.subject is not None else None
    people = people_of(subject, table.rows)
    shared = share_sensitive(table, [title for title in roles.sensitive if title not in keep], people, limits.k)
    left_out = {one.title for one in shared.left_out}
    roles = replace(
        roles,
        sensitive=tuple(title for title in roles.sensitive if title not in left_out),
        categorical=roles.categorical - left_out,
    )
    source, table = table, Table({**table.columns, **shared.columns}, table.rows, table.delimiter)
    sensitive = read_all({title: table[title] for title in roles.sensitive}, roles.categorical)
    content = Content(people, list(sensitive.values()))
    given, every = hierarchies or {}, np.arange(table.rows, dtype=np.int32)
    ids, count = group([table[title].codes for title in roles.quasi])
    exact = read_all({title: source[title] for title in roles.sensitive}, roles.categorical)
    before, sizes_before = measure_classes(ids, count, people, exact), people.smallest(ids, count)
    discernibility_before = int((np.bincount(ids) ** 2).sum())
    # Neither exact coordinates are published, even if several people share them, nor rare categories, even in a set.
    quasi = {t: table[t] if t in given else hide_rare_categories(table[t], t, people, limits.k) for t in roles.quasi}
    unchanged = hierarchies_of(quasi, given)
    recoding = recode_by_levels("unchanged", quasi, unchanged, [0] * len(quasi), every, table.rows)
    ids, count = recoding.classes()
    if failing(ids, count, content, limits).any():
        _check_possible(before, content, sensitive, limits)
        # Free the memory: these are as large as the table, and no longer needed.
        del ids, recoding, unchanged
        recoding = _best(quasi, given, content, limits, method, advance)
    after = _as_published(table, roles, content, recoding, keep, limits.k)
    if failing(*after.classes, after.content, limits).any():
        # Sensitive values became rarer, because others were in suppressed rows, or a column became numeric. So search
        # again without suppression.
        recoding = _best(quasi, given, content, replace(limits, max_suppression=0.0), method, advance)
        after = _as_published(table, roles, content, recoding, keep, limits.k)
    if failing(*after.classes, after.content, limits).any():
        raise AssertionError("a recoding does not meet the limits")
    people = after.content.people
    original = source.take(recoding.rows)
    dropped = {*drop, *left_out}
    candidates = Table({t: c for t, c in original.columns.items() if t not in dropped}, original.rows)
    further = choose_further(candidates, recoding.columns, roles, people, keep, limits.k)
    shown = {**after.sensitive, **further.columns, **recoding.columns}
    published = Table({t: shown[t] for t in table.columns if t in shown}, original.rows, table.delimiter)
    hidden = {t: hidden_rows(original[t], c) for t, c in shown.items() if t not in (*roles.quasi, *keep)}
    return Anonymised(
        table=published,
        original=original,
        recoding=recoding,
        hierarchies=hierarchies_of({title: quasi[title].take(recoding.rows) for title in roles.quasi}, given),
        before=before,
        after=measure_classes(*after.classes, people, dict(zip(sensitive, after.content.sensitive, strict=True))),
        sizes_before=sizes_before,
        sizes_after=people.smallest(*after.classes),
        discernibility_before=discernibility_before,
        dropped=tuple(title for title in table.columns if title not in shown),
        kept=tuple(keep),
        roles=roles,
        hidden={title: rows for title, rows in hidden.items() if rows},
        left_out=(*shared.left_out, *further.left_out),
        singled_out=singled_out(published, roles, people),
    )


class _Published(NamedTuple):
    """What is published of the rows of a recoding: its classes, their content, and the sensitive columns."""

    classes: tuple[Ids, int]
    content: Content
    sensitive: dict[str, Column]


def _as_published(
    table: Table, roles: Roles, content: Content, recoding: Recoding, keep: Sequence[str], k: int
) -> _Published:
    """Return what is published, computed from the published rows only."""
    people = content.people.take(recoding.rows)
    columns = {title: table[title].take(recoding.rows) for title in roles.sensitive}
    # Others who had a value may be in suppressed rows.
    columns = {t: column if t in keep else hide_rare(column, people, k) for t, column in columns.items()}
    sensitive = read_all(columns, roles.categorical)
    return _Published(recoding.classes(), Content(people, list(sensitive.values())), columns)


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
            if title in roles.quasi or (title in roles.sensitive and verb == "drop"):
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
