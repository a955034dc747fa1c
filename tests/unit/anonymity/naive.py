"""The definitions of the measures in plain Python, and a plain Mondrian. Tests compare the real code with them."""

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence

Row = tuple[str, ...]
NOTHING = ("", "na", "unknown", "not applicable")


def meant(text: str) -> str:
    """Return the same text for all spellings of a value, and "" for a missing value."""
    plain = text.strip().lower()
    try:
        return "" if plain in NOTHING else str(float(plain))
    except ValueError:
        return plain


def people_in(rows: Sequence[Row], subject: int | None) -> int:
    """Return the smallest possible number of people: an unnamed row may belong to a named person."""
    return len(rows) if subject is None else max(1, len({meant(row[subject]) for row in rows} - {""}))


def classes(rows: Sequence[Row], quasi: Sequence[int]) -> list[list[Row]]:
    found: defaultdict[Row, list[Row]] = defaultdict(list)
    for row in rows:
        found[tuple(row[i] for i in quasi)].append(row)
    return list(found.values())


def k_of(rows: Sequence[Row], quasi: Sequence[int], subject: int | None) -> int:
    return min(people_in(c, subject) for c in classes(rows, quasi))


def l_of(rows: Sequence[Row], quasi: Sequence[int], sensitive: int) -> int:
    return min(
        len({say(row[sensitive]) for row in c}) for say in [reader(rows, sensitive)] for c in classes(rows, quasi)
    )


def reader(rows: Sequence[Row], sensitive: int) -> Callable[[str], str]:
    """Return the function that reads a column. It treats "none" as a value, unless all other values are numbers."""
    answers = {meant(row[sensitive]) for row in rows} - {"", "none"}
    numbers = bool(answers) and all(answer.replace(".", "").isdigit() for answer in answers)
    return lambda text: "" if numbers and meant(text) == "none" else meant(text)


def t_of(
    rows: Sequence[Row], quasi: Sequence[int], sensitive: int, subject: int | None, ranks: list[str] | None
) -> float:
    """Return t. For numbers, `ranks` lists the distinct values in ascending order. For categories, it is None."""
    say = reader(rows, sensitive)
    often = Counter(meant(row[subject]) for row in rows) if subject is not None else {}

    def shares(some: Sequence[Row]) -> dict[str, float]:
        found: defaultdict[str, float] = defaultdict(float)
        for row in some:
            value = say(row[sensitive]) if ranks is None else row[sensitive]
            found[value] += 1 / often[meant(row[subject])] if subject is not None else 1
        return {value: weight / sum(found.values()) for value, weight in found.items()}

    def distance(mine: dict[str, float], table: dict[str, float]) -> float:
        if ranks is None:
            return sum(abs(mine.get(value, 0) - share) for value, share in table.items()) / 2
        carried = total = 0.0
        for value in ranks:
            carried += mine.get(value, 0) - table.get(value, 0)
            total += abs(carried)
        return total / (len(ranks) - 1)

    return max(distance(shares(c), shares(rows)) for c in classes(rows, quasi))


def grid_ends(numbers: Sequence[str], step: float) -> tuple[float, float]:
    """Return the multiples of a step at which the interval of these numbers ends."""
    return math.floor(min(map(float, numbers)) / step) * step, (math.floor(max(map(float, numbers)) / step) + 1) * step


def written_ncp(
    published: Sequence[Row], rows: Sequence[Row], quasi: Sequence[int], steps: Mapping[int, float]
) -> float:
    """Return the NCP of published rows from their written values. `steps` has the step of each column of numbers."""
    values = {i: {row[i] for row in rows} for i in quasi}
    spans = {i: grid_ends([*values[i]], step) for i, step in steps.items()}

    def lost(text: str, i: int) -> float:
        if text == "*" or text in values[i]:
            return float(text == "*")
        if i not in steps:
            return len(text.split(" or ")) / len(values[i])
        (first, last), (low, high) = map(float, text.split("-")), spans[i]
        return (min(last, high) - max(first, low)) / (high - low)

    cells = sum(lost(row[i], i) for row in published for i in quasi)
    return cells / len(rows) / len(quasi) + 1 - len(published) / len(rows)


def class_loss(
    some: Sequence[Row], rows: Sequence[Row], quasi: Sequence[int], steps: Mapping[int, float]
) -> dict[int, float]:
    """Return the loss of a row of a class in each column.

    The loss of numbers is the share of the range that their interval covers, with both rounded to multiples of the
    step. The loss of categories is the share of all categories that the class contains, or 0 if it contains one.
    """
    found: dict[int, float] = {}
    for i in quasi:
        here = {row[i] for row in some}
        if i in steps:
            low, high = grid_ends([*here], steps[i])
            lowest, highest = grid_ends([row[i] for row in rows], steps[i])
            found[i] = (high - low) / (highest - lowest) if len(set(map(float, here))) > 1 else 0.0
        else:
            found[i] = len(here) / len({row[i] for row in rows}) if len(here) > 1 else 0.0
    return found


def mondrian_ncp(
    rows: Sequence[Row],
    quasi: Sequence[int],
    steps: Mapping[int, float],
    k: int,
    by: str = "loss",
    left: bool = True,
) -> float:
    """Return the NCP of a strict Mondrian: cut the widest column at its median while both sides keep k rows.

    With `by="loss"`, the widest column is the one with the largest loss, otherwise the one with the most values.
    `left` decides which side gets the median value.
    """
    keys = {i: float if i in steps else str for i in quasi}
    domain = {i: sorted({row[i] for row in rows}, key=keys[i]) for i in quasi}
    place = {i: {value: rank for rank, value in enumerate(domain[i])} for i in quasi}

    def lost(some: Sequence[Row]) -> float:
        losses = class_loss(some, rows, quasi, steps)
        widths = losses if by == "loss" else {i: float(len({row[i] for row in some})) for i in quasi}
        for i in sorted(quasi, key=lambda i: -widths[i]):
            ranks = sorted(place[i][row[i]] for row in some)
            border = ranks[(len(some) - 1) // 2] if left else ranks[len(some) // 2] - 1
            one = [row for row in some if place[i][row[i]] <= border]
            other = [row for row in some if place[i][row[i]] > border]
            if min(len(one), len(other)) >= k:
                return lost(one) + lost(other)
        return len(some) * sum(losses.values())

    return lost(rows) / len(rows) / len(quasi)
