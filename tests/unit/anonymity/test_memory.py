"""Anonymising a table needs memory of a small multiple of its file."""

import tracemalloc
from pathlib import Path

import pytest

from bench.anonymity import QUASI, write_people
from fairdatabase.anonymity.risk.limits import Limits
from fairdatabase.anonymity.risk.risk import Roles
from fairdatabase.anonymity.search.anonymise import anonymise
from fairdatabase.anonymity.tables.reading import read_table


@pytest.mark.parametrize("limits", [Limits(5), Limits(5, 2, 0.5)])
def test_memory_is_a_small_multiple_of_the_file(tmp_path: Path, limits: Limits) -> None:
    file = tmp_path / "people.csv"
    roles = Roles(QUASI, ("disease",))
    # The first call fills caches that do not depend on the table.
    write_people(file, 20)
    anonymise(read_table(file), roles, limits)
    write_people(file, 20_000)
    tracemalloc.start()
    try:
        anonymise(read_table(file), roles, limits)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 8.5 * file.stat().st_size
