"""Hierarchies from a file: each line contains a value, followed by its generalisation at each level.

Netherlands,Western Europe,Europe
Belgium,Western Europe,Europe
Fiji,Melanesia,Oceania
"""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from fairdatabase.anonymity.model.hierarchy import ANYTHING, Hierarchy, Level, hierarchy_of, level_of
from fairdatabase.anonymity.model.values import is_missing
from fairdatabase.sheets.errors import BadTable
from fairdatabase.sheets.table import read_lines

_DELIMITERS = "\t;"
_NAMED = 5


def read_tree(path: Path, title: str, values: Sequence[str]) -> Hierarchy:
    """Read the hierarchy of a column with these values. The top level "*" is added if it is missing.

    Tabs, semicolons or commas separate the levels. A first line that starts with the column's title is a header. The
    file may contain values that the column does not have. It may omit missing values, which stay unchanged below "*".
    Spaces around a name are ignored. Raises BadTable, OSError.
    """
    lines = [(number, [cell.strip() for cell in cells]) for number, cells in read_lines(path, _DELIMITERS)]
    if lines and lines[0][1][0] == title and title not in values:
        del lines[0]
    if not lines:
        raise BadTable("the file contains no hierarchy", line=1, file=path)
    depth = len(lines[0][1])
    parents: list[dict[str, str]] = [{} for _ in range(depth - 1)]
    for number, fields in lines:
        if len(fields) != depth:
            why = f"{len(fields)} {'level' if len(fields) == 1 else 'levels'}, but the first line has {depth}"
            raise BadTable(why, line=number, column=min(len(fields), depth) + 1, file=path)
        if "" in fields[1:]:
            raise BadTable("the name of this level is missing", line=number,
                           column=fields.index("", 1) + 1, file=path)  # fmt: skip
        for level, (child, parent) in enumerate(pairwise(fields)):
            if parents[level].setdefault(child, parent) != parent:
                why = f"{child!r} belongs to {parent!r} here, but to {parents[level][child]!r} on an earlier line"
                raise BadTable(why, line=number, column=level + 2, file=path)
    _check_names(path, lines)
    known = {fields[0]: fields[1:] for _, fields in lines}
    lacking = [value for value in values if value.strip() not in known and not is_missing(value)]
    if lacking:
        more = f" and {len(lacking) - _NAMED} more" if len(lacking) > _NAMED else ""
        named = ", ".join(map(repr, lacking[:_NAMED]))
        raise BadTable(f"no line starts with {named}{more} of column {title!r}", file=path)
    nodes = {name for fields in known.values() for name in fields}
    for value in values:
        if value.strip() not in known and value.strip() in nodes:
            why = (
                f"{value!r} is a missing value in column {title!r} and also a name in the hierarchy: rename the latter"
            )
            raise BadTable(why, file=path)
    paths = [known.get(value.strip(), [value] * (depth - 1)) for value in values]
    return hierarchy_from(values, "tree", paths, [f"level {level} of {path.name}" for level in range(1, depth)])


def _check_names(path: Path, lines: Sequence[tuple[int, list[str]]]) -> None:
    """Raise BadTable if a name is on two levels: in a published table, the name would be ambiguous."""
    above: dict[str, set[int]] = {}
    for _, fields in lines:
        for level, name in enumerate(fields[1:], start=1):
            above.setdefault(name, set()).add(level)
    for number, fields in lines:
        for level, name in enumerate(fields):
            for higher in sorted(above.get(name, ())):
                if higher > level and fields[higher] != name:
                    why = f"{name!r} belongs to {fields[higher]!r} here, but is itself a group on level {higher}"
                    raise BadTable(why, line=number, column=level + 1, file=path)


def hierarchy_from(values: Sequence[str], kind: str, paths: Sequence[Sequence[str]], names: Sequence[str]) -> Hierarchy:
    """Return the hierarchy from the label of each value at each level. Levels that change nothing are left out."""
    steps: list[Level] = []
    before = list(values)
    for name, labels in zip(names, map(list, zip(*paths, strict=True)), strict=True):
        if labels != before and set(labels) != {ANYTHING}:
            steps.append(level_of(name, labels))
        before = labels
    return hierarchy_of(values, kind, steps)


def narrowed(hierarchy: Hierarchy, values: Sequence[str]) -> Hierarchy:
    """Return the hierarchy restricted to some of its values."""
    codes = {value: code for code, value in enumerate(hierarchy.levels[0].labels)}
    paths = [[level.labels[int(level.nodes[codes[value]])] for level in hierarchy.steps] for value in values]
    return hierarchy_from(values, hierarchy.kind, paths, [level.name for level in hierarchy.steps])
