"""Compares the loss (NCP) of `fairdb anonymize` with a plain Mondrian and a k-member clustering, at k = 5.

Run as `python -m bench.anonymity_loss [FOLDER]`; FOLDER has the two tables of the demo (.fairdb/data). The rivals are
textbook versions, which share no line with the product's search: strict Mondrian with median cuts (LeFevre et al.
2006), and k-member clustering (Byun et al. 2007), the best of some runs that start from different rows. They use the
same hierarchies and round intervals to the same grid, and the same function measures all losses.
"""

import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fairdatabase.anonymity.hierarchies.domains import Domain, domain_of
from fairdatabase.anonymity.hierarchies.inferred_hierarchies import hierarchies_of
from fairdatabase.anonymity.model.table import Table, table_of
from fairdatabase.anonymity.recoding.recoding import ncp_by_classes
from fairdatabase.anonymity.risk.limits import Limits
from fairdatabase.anonymity.risk.risk import Roles
from fairdatabase.anonymity.search.anonymise import anonymise
from fairdatabase.anonymity.tables.reading import read_table

K = 5
STARTS = 3
Classes = list[NDArray[np.int64]]


def main() -> None:
    """Print a line for each table."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else ".fairdb/data")
    for name, table, quasi in (
        ("gut atlas", read_table(folder / "atlas_meta_data.csv"), ("age", "region", "bmi")),
        ("moving pictures", read_table(folder / "moving_pictures_mf.tsv"), ("BodySite", "Year", "Month", "Day")),
        ("census of 8,000", census(8000), ("age", "work", "education", "marital", "job", "origin", "sex", "country")),
        ("survey of 3,000", survey(3000), ("age", "sex", "country", "bmi", "height", "collection_date")),
    ):
        print(f"{name}, {table.rows:,} rows of {len(quasi)} columns: {compare(table, quasi)}", flush=True)


def compare(table: Table, quasi: Sequence[str]) -> str:
    """Return the losses and CPU times of the product and its rivals."""
    columns = {title: table[title] for title in quasi}
    hierarchies = hierarchies_of(columns, {})
    domains = {title: domain_of(column, hierarchies[title]) for title, column in columns.items()}
    every = np.arange(table.rows)

    def of_classes(classes: Classes) -> float:
        ids = np.empty(table.rows, np.int64)
        for number, rows in enumerate(classes):
            ids[rows] = number
        return ncp_by_classes(domains, ids, len(classes), every, table.rows)

    def best_k_member() -> float:
        return min(of_classes(k_member(list(domains.values()), K, start)) for start in range(STARTS))

    def ours(most_left_out: float) -> float:
        done = anonymise(table, Roles(tuple(quasi)), Limits(K, max_suppression=most_left_out))
        # The same measure for all: relative to the range of the input, not to that of the published table.
        published = {title: done.original[title] for title in quasi}
        own = {
            title: domain_of(column, done.hierarchies[title], hierarchies[title]) for title, column in published.items()
        }
        ids, count = done.recoding.classes()
        return ncp_by_classes(own, ids, count, np.arange(len(ids)), table.rows)

    results: list[str] = []
    for name, run in (
        ("ours", lambda: ours(0.1)),
        ("ours without leaving out rows", lambda: ours(0)),
        ("Mondrian", lambda: of_classes(mondrian(list(domains.values()), K))),
        (f"k-member, best of {STARTS}", best_k_member),
    ):
        loss, seconds = _timed(run)
        results.append(f"{name} {loss:.4f} ({seconds:.1f} s)")
    return ", ".join(results)


def _timed(run: Callable[[], float]) -> tuple[float, float]:
    start = time.process_time()
    return run(), time.process_time() - start


def _losses(domains: Sequence[Domain], low: list[NDArray[np.int64]], high: list[NDArray[np.int64]],
            present: list[NDArray[np.int64]]) -> NDArray[np.float64]:  # fmt: skip
    found = [d.exact_loss(*ends) for d, *ends in zip(domains, low, high, present, strict=True)]
    return np.sum(found, axis=0)


def mondrian(domains: Sequence[Domain], k: int) -> Classes:
    """Cut the column with the largest loss at its median, while both sides keep k rows."""
    finished: Classes = []
    waiting: Classes = [np.arange(len(domains[0].ranks))]
    while waiting:
        rows = waiting.pop()
        ranks = [domain.ranks[rows].astype(np.int64) for domain in domains]
        ends = [(np.array([r.min()]), np.array([r.max()]), np.array([len(np.unique(r))])) for r in ranks]
        widths = [float(domain.exact_loss(*end)[0]) for domain, end in zip(domains, ends, strict=True)]
        for i in sorted(range(len(domains)), key=lambda i: -widths[i]):
            left = ranks[i] <= np.sort(ranks[i])[(len(rows) - 1) // 2]
            if k <= left.sum() <= len(rows) - k:
                waiting += [rows[left], rows[~left]]
                break
        else:
            finished.append(rows)
    return finished


def k_member(domains: Sequence[Domain], k: int, start: int) -> Classes:
    """Grow one class after the other by the row that costs least, from the row furthest from the last class."""
    free = np.random.default_rng(start).permutation(len(domains[0].ranks))
    classes: list[list[int]] = []
    last = int(free[0])
    while len(free) >= k:
        last = int(free[np.argmax(_added(domains, [last], free))])
        members, free = [last], free[free != last]
        while len(members) < k:
            last = int(free[np.argmin(_added(domains, members, free))])
            members.append(last)
            free = free[free != last]
        classes.append(members)
    for row in free.tolist():
        costs = [
            (len(members) + 1) * _added(domains, members, np.array([row]))[0]
            - len(members) * _added(domains, members, np.array(members[:1]))[0]
            for members in classes
        ]
        classes[int(np.argmin(costs))].append(row)
    return [np.array(members) for members in classes]


def _added(domains: Sequence[Domain], members: Sequence[int], rows: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the loss of a row of a class after each of the rows is added."""
    total = np.zeros(len(rows))
    for domain in domains:
        here, ranks = np.unique(domain.ranks[np.array(members)]).astype(np.int64), domain.ranks[rows].astype(np.int64)
        low, high = np.minimum(here[0], ranks), np.maximum(here[-1], ranks)
        total += domain.exact_loss(low, high, len(here) + ~np.isin(ranks, here))
    return total


def census(rows: int) -> Table:
    """Return a made-up census: a few skewed categories and ages, as in the Adult table of the literature."""
    dice = np.random.default_rng(1)

    def skewed(name: str, count: int, fall: float) -> list[str]:
        shares = fall ** np.arange(count)
        return [f"{name} {i}" for i in dice.choice(count, rows, p=shares / shares.sum()).tolist()]

    age = np.clip(np.round(dice.gamma(6, 6.4, rows) + 8), 17, 90).astype(int)
    single = dice.random(rows) < np.where(age < 27, 0.75, 0.2)
    marital = np.where(single, "never married", np.array(skewed("marital", 6, 0.4)))
    abroad = dice.random(rows) < 0.1
    return table_of(
        {
            "age": age.astype(str).tolist(),
            "work": skewed("work", 7, 0.35),
            "education": skewed("education", 16, 0.72),
            "marital": marital.tolist(),
            "job": skewed("job", 14, 0.82),
            "origin": skewed("origin", 5, 0.2),
            "sex": skewed("sex", 2, 0.5),
            "country": np.where(abroad, np.array(skewed("country", 40, 0.9)), "at home").tolist(),
        }
    )


def survey(rows: int) -> Table:
    """Return a made-up survey of health: numbers with decimals, countries, dates."""
    dice = np.random.default_rng(2)
    sex = dice.choice(["F", "M"], rows)
    height = dice.normal(np.where(sex == "F", 165, 178), 7).round(1)
    dates = np.datetime64("2014-01-01") + dice.integers(0, 900, rows).astype("timedelta64[D]")
    age = dice.integers(18, 80, rows).astype(str)
    age[dice.random(rows) < 0.02] = "unknown"
    return table_of(
        {
            "age": age.tolist(),
            "sex": sex.tolist(),
            "country": dice.choice(["Fiji", "Peru", "Spain", "Chile"], rows, p=[0.6, 0.2, 0.15, 0.05]).tolist(),
            "bmi": dice.normal(26, 4, rows).round(6).astype(str).tolist(),
            "height": height.astype(str).tolist(),
            "collection_date": dates.astype(str).tolist(),
        }
    )


if __name__ == "__main__":
    main()
