"""Back-off: pauses double up to a limit, vary by a quarter, and begin again after a success."""

import pytest

from chassis import backoff
from chassis.backoff import Backoff, jitter


@pytest.fixture
def no_jitter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backoff, "jitter", lambda seconds: seconds)


@pytest.mark.usefixtures("no_jitter")
def test_pauses_double_up_to_the_limit() -> None:
    pauses = Backoff(0.1, 0.5)
    assert [pauses.next_pause() for _ in range(5)] == pytest.approx([0.1, 0.2, 0.4, 0.5, 0.5])


@pytest.mark.usefixtures("no_jitter")
def test_success_begins_again_with_the_first_pause() -> None:
    pauses = Backoff(0.1, 0.5)
    pauses.next_pause()
    pauses.next_pause()
    pauses.reset()
    assert pauses.next_pause() == pytest.approx(0.1)


def test_jitter_spreads_pauses_by_a_quarter() -> None:
    spread = [jitter(4.0) for _ in range(1000)]
    assert min(spread) >= 3.0
    assert max(spread) <= 5.0
    assert max(spread) - min(spread) > 1.0
