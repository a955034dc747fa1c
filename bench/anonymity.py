"""Measures the time and memory of `fairdb risk` and `fairdb anonymize` on tables, each run in its own process.

Run as `python -m bench.anonymity`. Times are CPU time from the start of Python to its end. Memory is the growth of
peak resident memory beyond that of the same command on twenty rows, so the memory of the libraries does not count. It
is also printed as a multiple of the file size.
"""

import json
import random
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

RUNS = 3
QUASI = ("age", "sex", "country", "bmi", "smoker")
_COUNTRIES = ("China", "Denmark", "Fiji", "Germany", "Italy", "Netherlands", "Peru", "Spain", "Sweden", "Tanzania")
_DISEASES = ("none", "none", "none", "IBD", "asthma", "diabetes", "flu")

# The program of a child process: it calls the functions of the command and measures its own CPU time and memory.
_CHILD = """
import json, resource, sys, time
from pathlib import Path
from fairdatabase.anonymity.reports import report
from fairdatabase.anonymity.risk import risk
from fairdatabase.anonymity.risk.limits import Limits
from fairdatabase.anonymity.search import anonymise
from fairdatabase.anonymity.tables import reading, writing
what, few, file, *quasi = sys.argv[1:]
roles = risk.Roles(tuple(quasi), ("disease",))

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

def work(file):
    table = reading.read_table(Path(file))
    if what == "risk":
        return {"k": risk.measure(table, roles).k}
    limits = Limits(5, 2, 0.5) if what == "anonymize with l and t" else Limits(5)
    done = anonymise.anonymise(table, roles, limits)
    report.report(done, roles, limits)
    writing.write_table(done.table, Path(file + ".out"))
    return {"ncp": round(done.recoding.loss.ncp, 4), "k": done.after.k}

work(few)
before = peak()
figures = work(file)
print(json.dumps({"seconds": time.process_time(), "growth": peak() - before, **figures}))
"""


def main() -> None:
    """Print a line for each command, with the best and the worst of its runs."""
    with tempfile.TemporaryDirectory() as folder:
        few = Path(folder) / "few.csv"
        write_people(few, 20)
        for work, rows, limit in (
            ("risk", 100_000, "at most 1 s"),
            ("risk", 1_000_000, "at most 10 s"),
            ("anonymize", 30_000, "at most 5 s"),
            ("anonymize with l and t", 30_000, "at most 5 s"),
            ("anonymize", 1_000_000, "no limit"),
        ):
            file = Path(folder) / f"{rows}.csv"
            if not file.exists():
                write_people(file, rows)
            # For risk, the sensitive column is one of the five.
            quasi = QUASI[:4] if work == "risk" else QUASI
            runs = [_run(work, few, file, quasi) for _ in range(RUNS if rows < 1_000_000 else 1)]
            megabytes = file.stat().st_size / 2**20
            seconds = [run.pop("seconds") for run in runs]
            growth = max(run.pop("growth") for run in runs)
            print(
                f"{work}, {rows:,} rows of 5 columns ({megabytes:.1f} MB): {min(seconds):.2f} to {max(seconds):.2f} s"
                f" of CPU ({limit}), {growth:.0f} MB more memory, {growth / megabytes:.1f} times the file; {runs[-1]}",
                flush=True,
            )


def write_people(file: Path, rows: int) -> None:
    """Write a table of invented people: normal distributions and a few countries."""
    dice = random.Random(7)
    with file.open("w") as lines:
        lines.write(",".join((*QUASI, "disease")) + "\n")
        for _ in range(rows):
            age = min(95, max(18, round(dice.gauss(48, 16))))
            bmi = min(45.0, max(15.0, dice.gauss(25, 4)))
            country, sex = dice.choice(_COUNTRIES), dice.choice("FM")
            smoker, disease = dice.choice(("yes", "no", "former")), dice.choice(_DISEASES)
            lines.write(f"{age},{sex},{country},{bmi:.1f},{smoker},{disease}\n")


def _run(work: str, few: Path, file: Path, quasi: Sequence[str]) -> dict[str, float]:
    argv = [sys.executable, "-c", _CHILD, work, str(few), str(file), *quasi]
    return json.loads(subprocess.run(argv, stdout=subprocess.PIPE, check=True).stdout)


if __name__ == "__main__":
    main()
