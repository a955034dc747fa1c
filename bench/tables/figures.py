"""Figures of many tables: totals by kind, as JSON and as text."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from textwrap import shorten
from typing import Any

from bench.tables.importing import Imported
from bench.tables.publishing import Published

_MOST, _LONGEST = 12, 160
"""How many names are listed, and how many characters of each."""
ALL = "all"


@dataclass(frozen=True, slots=True)
class Tried:
    """The figures of one table."""

    kind: str
    file: str
    imported: Imported
    published: Published

    def as_json(self) -> dict[str, Any]:
        """Return the figures by name."""
        # `asdict` would copy a Counter wrongly.
        imported, published = (
            {each.name: getattr(part, each.name) for each in fields(part)} for part in (self.imported, self.published)
        )
        return {"kind": self.kind, "file": self.file, "imported": imported, "published": published}


def totals(tried: Sequence[Tried]) -> dict[str, dict[str, Any]]:
    """Return the totals of each kind, and of all tables."""
    kinds = sorted({one.kind for one in tried})
    found = {kind: _total([one for one in tried if one.kind == kind]) for kind in kinds}
    return found | {ALL: _total(tried)}


def _total(tried: Sequence[Tried]) -> dict[str, Any]:
    imported, published = [one.imported for one in tried], [one.published for one in tried]
    columns = sum(one.columns for one in imported)
    dropped = Counter(cause for one in imported for cause in one.dropped_columns.values())
    people, released = sum(one.people for one in imported), [one for one in published if one.people]
    return {
        "tables": len(tried),
        "tables_refused": _counted(one.refused for one in imported),
        "rows": sum(one.rows for one in imported),
        "rows_accepted": sum(one.accepted for one in imported),
        "refusals": _merged(one.reasons for one in imported),
        "columns": columns,
        "columns_dropped": dropped.total(),
        "columns_dropped_by_cause": dict(dropped.most_common()),
        "unknown_titles": _counted(_titles(imported, "unknown")),
        "cells": sum(one.cells for one in imported),
        "cells_dropped": _merged(one.dropped_cells for one in imported),
        "people": people,
        "alone_in_public": sum(one.alone_in_public for one in imported),
        "alone_for_readers": sum(one.alone_for_readers for one in imported),
        "tables_unreadable": _counted(one.unreadable for one in published),
        "tables_unpublished": _counted(one.unpublished for one in published),
        "tables_published": len(released),
        "people_published": sum(one.people for one in released),
        "alone_published": sum(one.alone for one in released),
        "alone_unchanged": sum(one.alone_unchanged for one in released),
        "alone_with_sensitive": sum(one.alone_with_sensitive for one in released),
        "exact": sum(one.exact for one in released),
        "exact_columns": _counted(title for one in released for title in one.exact_columns),
    }


def as_text(tried: Sequence[Tried]) -> str:
    """Return the totals for people to read."""
    return "\n".join(line for kind, total in totals(tried).items() for line in _lines(kind, total))


def _lines(kind: str, total: Mapping[str, Any]) -> Iterator[str]:
    refused = sum(total["tables_refused"].values())
    yield f"{kind}: {total['tables']} tables, {total['tables'] - refused} read, {refused} refused"
    yield from _most("refused", total["tables_refused"])
    yield f"  rows accepted            {_share(total['rows_accepted'], total['rows'])}"
    yield from _most("refused", total["refusals"])
    yield f"  columns dropped          {_share(total['columns_dropped'], total['columns'])}"
    yield from _most("cause", total["columns_dropped_by_cause"])
    yield from _most("unknown in tables", total["unknown_titles"])
    yield f"  cells dropped            {_share(sum(total['cells_dropped'].values()), total['cells'])}"
    yield from _most("cause", total["cells_dropped"])
    yield f"  alone in public fields   {_share(total['alone_in_public'], total['people'])} people"
    yield f"  alone for readers        {_share(total['alone_for_readers'], total['people'])} people"
    yield f"  proposal carried out     {_share(total['tables_published'], total['tables'])} tables"
    yield from _most("cannot be read", total["tables_unreadable"])
    yield from _most("not published", total["tables_unpublished"])
    people = total["people_published"]
    yield f"  exact number leaves      {_share(total['exact'], people)} people"
    yield from _most("column", total["exact_columns"])
    yield f"  alone after proposal     {_share(total['alone_published'], people)} people"
    yield f"  - with unchanged columns {_share(total['alone_unchanged'], people)} people"
    yield f"  - with sensitive columns {_share(total['alone_with_sensitive'], people)} people"
    yield ""


def _most(what: str, counted: Mapping[str, int]) -> Iterator[str]:
    for name, count in list(counted.items())[:_MOST]:
        yield f"      {count:>7} {what}: {shorten(name, _LONGEST, placeholder='…')}"


def _share(part: int, whole: int) -> str:
    return f"{part} of {whole}" + (f" ({part / whole:.2%})" if whole else "")


def _titles(imported: Iterable[Imported], cause: str) -> Iterator[str]:
    for one in imported:
        yield from (title for title, found in one.dropped_columns.items() if found == cause)


def _counted(texts: Iterable[str]) -> dict[str, int]:
    return dict(Counter(text for text in texts if text).most_common())


def _merged(counters: Iterable[Counter[str]]) -> dict[str, int]:
    total = Counter[str]()
    for counter in counters:
        total.update(counter)
    return dict(total.most_common())
