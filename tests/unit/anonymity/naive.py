"""The definitions of the measures in plain Python, and a plain Mondrian. Tests compare the real code with them."""

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence

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


def written_ncp(published: Sequence[Row], rows: Sequence[Row], quasi: Sequence[int], numbers: set[int]) -> float:
    """Return the NCP of published rows from their written values, as a share of the input's span."""

    def lost(text: str, i: int) -> float:
        here = {row[i] for row in rows}
        if text == "*" or text in here:
            return float(text == "*")
        if i not in numbers:
            return len(text.split(" or ")) / len(here)
        low, high = min(map(float, here)), max(map(float, here))
        first, last = map(float, text.split("-"))
        return (min(last, high) - max(first, low)) / (high - low)

    cells = sum(lost(row[i], i) for row in published for i in quasi)
    return cells / len(rows) / len(quasi) + 1 - len(published) / len(rows)


def mondrian_ncp(
    rows: Sequence[Row], quasi: Sequence[int], numbers: set[int], k: int, by: str = "loss", left: bool = True
) -> float:
    """Return the NCP of a strict Mondrian: cut the widest column at its median while both sides keep k rows.

    The loss of numbers is the share of their range. The loss of categories is the share of all categories that the
    class contains, or 0 if it contains one. With `by="loss"`, the widest column is the one with the largest loss,
    otherwise the one with the most values. `left` decides which side gets the median value.
    """
    keys = {i: float if i in numbers else str for i in quasi}
    domain = {i: sorted({row[i] for row in rows}, key=keys[i]) for i in quasi}
    place = {i: {value: rank for rank, value in enumerate(domain[i])} for i in quasi}

    def lost_in(some: Sequence[Row], i: int) -> float:
        here = {row[i] for row in some}
        if i not in numbers:
            return len(here) / len(domain[i]) if len(here) > 1 else 0.0
        extent = float(domain[i][-1]) - float(domain[i][0])
        return (max(map(float, here)) - min(map(float, here))) / extent if extent else 0.0

    def width(some: Sequence[Row], i: int) -> float:
        return lost_in(some, i) if by == "loss" else len({row[i] for row in some})

    def lost(some: Sequence[Row]) -> float:
        for i in sorted(quasi, key=lambda i: -width(some, i)):
            ranks = sorted(place[i][row[i]] for row in some)
            border = ranks[(len(some) - 1) // 2] if left else ranks[len(some) // 2] - 1
            one = [row for row in some if place[i][row[i]] <= border]
            other = [row for row in some if place[i][row[i]] > border]
            if min(len(one), len(other)) >= k:
                return lost(one) + lost(other)
        return len(some) * sum(lost_in(some, i) for i in quasi)

    return lost(rows) / len(rows) / len(quasi)
