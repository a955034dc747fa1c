"""The relay's pace."""

import pytest

from chassis import backoff
from chassis.backoff import Backoff
from chassis.events.outbox import poll_pause


def test_idle_relay_polls_at_least_once_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backoff, "jitter", lambda seconds: seconds * 1.25)
    idle = Backoff(0.5, 1.0)
    assert [poll_pause(idle) for _ in range(3)] == pytest.approx([0.625, 1.0, 1.0])
