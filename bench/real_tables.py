"""Measures what the platform and `fairdb anonymize` make of real tables: what gets in, and who can be singled out.

Run as `python -m bench.real_tables DIR`. The tables of a sub-folder of DIR are of one kind. No server is needed: rows
are read by the gateway's reader and judged by the policy in this process, as an import would judge them. Every donor
counts as one who has consented, and a row without an organism gets --organism, as with `?organism=`.

Only people can be singled out. A row is of no person if the policy says so by its host, donor, facts and organism, as
for a public number; here, a row that names no organism is described by its sites and media, and not by --organism. A
row that says nothing about its origin counts as a person, so tables of environments without such columns count too.
"""

import argparse
import json
import sys
from concurrent.futures import ProcessPoolExecutor
from functools import cache, partial
from multiprocessing import get_context
from pathlib import Path

from bench.tables.figures import Tried, as_text, totals
from bench.tables.files import tables_in
from bench.tables.importing import import_table
from bench.tables.publishing import publish_table
from fairdatabase.policy.records.anonymisation import Anonymiser
from fairdatabase.policy.tables.reader import load_policy


def main() -> None:
    """Print the figures of the tables of each kind, and of all tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", metavar="DIR", type=Path, help="the folder with the tables")
    parser.add_argument("--rows", metavar="N", type=int, default=2000, help="read at most N rows of a table (2000)")
    parser.add_argument("--organism", default="human gut metagenome", help="the organism of rows that name none")
    parser.add_argument("--processes", metavar="N", type=int, default=2, help="how many tables to read at once (2)")
    parser.add_argument("--json", action="store_true", help="print JSON: the totals, and the figures of each table")
    options = parser.parse_args()
    found = try_tables(options.folder, organism=options.organism, most_rows=options.rows, processes=options.processes)
    if options.json:
        print(json.dumps({"totals": totals(found), "tables": [one.as_json() for one in found]}, indent=1))
    else:
        print(as_text(found))


def try_tables(folder: Path, *, organism: str, most_rows: int, processes: int) -> list[Tried]:
    """Return the figures of all tables below a folder."""
    attempt = partial(_try_table, folder, organism=organism, most_rows=most_rows)
    found: list[Tried] = []
    # A forked process would inherit locks that other threads hold, and could wait for them for ever.
    with ProcessPoolExecutor(processes, get_context("spawn")) as pool:
        for one in pool.map(attempt, tables_in(folder)):
            found.append(one)
            print(f"\r{len(found)} tables", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return found


def _try_table(folder: Path, table: tuple[str, Path], *, organism: str, most_rows: int) -> Tried:
    kind, path = table
    return Tried(
        kind,
        str(path.relative_to(folder)),
        import_table(path, _anonymiser(), organism=organism, most_rows=most_rows),
        publish_table(path, _anonymiser().policy, most_rows=most_rows),
    )


@cache
def _anonymiser() -> Anonymiser:
    """Return the anonymiser of this process. Loading the policy takes longer than judging most tables."""
    return Anonymiser(load_policy())


if __name__ == "__main__":
    main()
