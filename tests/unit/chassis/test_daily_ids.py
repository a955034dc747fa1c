"""Ids tell the day of their creation, and nothing about their order."""

import time
from datetime import UTC, datetime
from itertools import pairwise
from uuid import RFC_4122

import pytest

from chassis.storage.daily_ids import new_id

COUNT = 2000


def test_id_is_a_uuid7_of_the_start_of_the_day() -> None:
    before = datetime.now(UTC).date()
    id = new_id()
    assert (id.version, id.variant) == (7, RFC_4122)
    made = datetime.fromtimestamp((id.int >> 80) / 1000, UTC)
    assert (made.hour, made.minute, made.second, made.microsecond) == (0, 0, 0, 0)
    assert before <= made.date() <= datetime.now(UTC).date()


def test_ids_of_a_day_are_distinct_and_in_random_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time", lambda: 1_800_000_000.0)
    ids = [new_id() for _ in range(COUNT)]
    assert len(set(ids)) == COUNT
    rising = sum(first < second for first, second in pairwise(ids))
    # The standard deviation is about 13. In an order by time, all would rise.
    assert COUNT / 2 - 150 < rising < COUNT / 2 + 150


@pytest.mark.parametrize("bit", [bit for bit in range(76) if bit not in (62, 63)])
def test_every_other_bit_is_random(bit: int) -> None:
    assert {new_id().int >> bit & 1 for _ in range(60)} == {0, 1}


def test_ids_of_a_later_day_are_greater(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1_800_000_000
    midnight = now - now % 86_400
    monkeypatch.setattr(time, "time", lambda: midnight - 0.001)
    earlier = [new_id() for _ in range(50)]
    monkeypatch.setattr(time, "time", lambda: float(midnight))
    later = [new_id() for _ in range(50)]
    assert max(earlier) < min(later)
