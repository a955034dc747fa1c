"""Tables: the time and memory of `fairdb risk` and `fairdb anonymize`, each in a process of its own.

Run as `python -m bench.anonymity`. Times are CPU time, from the first line of Python to the last; memory is how far the peak of what
is resident grew beyond what the loaded libraries take, and as a multiple of the file.
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

# What a child runs: the same functions as the command, between two looks at its own clock and memory.
_CHILD = """
import json, resource, sys, time
from pathlib import Path
from anonymity import anonymise, lattice, mondrian, reading, report, risk, writing
from anonymity.limits import Limits
work, file, *quasi = sys.argv[1:]
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
before = peak()
roles = risk.Roles(tuple(quasi), ("disease",) if "disease" not in quasi else ())
table = reading.read_table(Path(file))
told = {}
if work == "risk":
    told = {"k": risk.measure(table, roles).k}
else:
    limits = Limits(5, 2, 0.5) if work == "anonymize with l and t" else Limits(5)
    done = anonymise.anonymise(table, roles, limits)
    report.report(done, roles, limits)
    writing.write_table(done.table, Path(file + ".out"))
    told = {"ncp": round(done.recoding.loss.ncp, 4), "k": done.after.k}
print(json.dumps({"seconds": time.process_time(), "growth": peak() - before, **told}))
"""


def main() -> None:
    """Print a line for each piece of work, the best and the worst of its runs."""
    with tempfile.TemporaryDirectory() as folder:
        for work, rows, limit in (
            ("risk", 100_000, 1),
            ("risk", 1_000_000, 10),
            ("anonymize", 30_000, 5),
            ("anonymize with l and t", 30_000, 5),
        ):
            file = Path(folder) / f"{rows}.csv"
            if not file.exists():
                write_people(file, rows)
            # Of risk, the sensitive column is one of the five.
            quasi = QUASI[:4] if work == "risk" else QUASI
            runs = [_run(work, file, quasi) for _ in range(RUNS)]
            megabytes = file.stat().st_size / 2**20
            seconds = [run.pop("seconds") for run in runs]
            growth = max(run.pop("growth") for run in runs)
            print(
                f"{work}, {rows:,} rows of 5 columns ({megabytes:.1f} MB): {min(seconds):.2f} to {max(seconds):.2f} s of CPU"
                f" (at most {limit} s), {growth:.0f} MB more memory, {growth / megabytes:.1f} times the file; {runs[-1]}",
                flush=True,
            )


def write_people(file: Path, rows: int) -> None:
    """Write a table of people who are alike in the way that people are: by normal distributions and a few countries."""
    dice = random.Random(7)
    with file.open("w") as lines:
        lines.write(",".join((*QUASI, "disease")) + "\n")
        for _ in range(rows):
            age = min(95, max(18, round(dice.gauss(48, 16))))
            bmi = min(45.0, max(15.0, dice.gauss(25, 4)))
            country, sex = dice.choice(_COUNTRIES), dice.choice("FM")
            smoker, disease = dice.choice(("yes", "no", "former")), dice.choice(_DISEASES)
            lines.write(f"{age},{sex},{country},{bmi:.1f},{smoker},{disease}\n")


def _run(work: str, file: Path, quasi: Sequence[str]) -> dict[str, float]:
    argv = [sys.executable, "-c", _CHILD, work, str(file), *quasi]
    return json.loads(subprocess.run(argv, stdout=subprocess.PIPE, check=True).stdout)


if __name__ == "__main__":
    main()
