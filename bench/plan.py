"""The plan: how much a run of the benchmark measures."""

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Plan:
    """How much is measured: repetitions, seconds per run, samples to read, bodies to send, rates of the open loop, and
    rows of an import.

    `patience` is how many seconds a run may wait for a quiet machine. `rival` limits the run to the platform and this
    rival, without imports; None measures every variant.
    """

    repetitions: int = 3
    seconds: float = 3.0
    open_seconds: float = 4.0
    warm_up_seconds: float = 1.5
    ids: int = 5_000
    bodies: int = 8_000
    patience: float = 2.0
    open_post_rate: int = 50
    open_get_rate: int = 100
    imported: int = 100_000
    rival: str | None = None


FULL = Plan()
SHORT = Plan(
    repetitions=1,
    seconds=0.6,
    open_seconds=1.0,
    warm_up_seconds=0.2,
    ids=300,
    bodies=1_000,
    patience=0.0,
    imported=1_000,
)
SMOKE = replace(SHORT, seconds=0.3, bodies=500, rival="monolith")
