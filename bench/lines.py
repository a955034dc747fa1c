"""Lines: the files that load generators read their requests from, bodies for POST and ids for GET."""

import random
from collections.abc import Sequence
from itertools import count, islice
from pathlib import Path

from bench.records import write_records
from bench.stage import DONORS

_SLICES = 3


class Lines:
    """Writes the file of each run: bodies that the previous run did not use, and all ids in random order."""

    def __init__(self, folder: Path, bodies_a_run: int) -> None:
        """Make the bodies. A run that sends more than `bodies_a_run` requests repeats some of them."""
        self._folder = folder
        bodies = write_records(_SLICES * bodies_a_run, donors=DONORS)
        self._slices = [bodies[start : start + bodies_a_run] for start in range(0, len(bodies), bodies_a_run)]
        self._runs = count()
        self._ids: dict[str, Path] = {}

    def set_ids(self, variant: str, ids: Sequence[str]) -> None:
        """Set the samples of a variant that can be read."""
        shuffled = random.Random(7).sample(ids, len(ids))
        self._ids[variant] = self._write(f"ids.{variant}", shuffled)

    def next(self, method: str, variant: str) -> Path:
        """Return the file for a run."""
        if method == "GET":
            return self._ids[variant]
        return self._write("bodies", self._slices[next(self._runs) % len(self._slices)])

    def bodies(self, number: int) -> list[str]:
        """Return the first `number` bodies."""
        return list(islice((body for part in self._slices for body in part), number))

    def _write(self, name: str, lines: Sequence[str]) -> Path:
        path = self._folder / name
        path.write_text("\n".join(lines) + "\n")
        return path
