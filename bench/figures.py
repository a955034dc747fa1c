"""Figures: the measurements of each run, their medians, and the ratios that are compared with the targets."""

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

What = Literal["post", "get", "post open", "get open", "store", "copy", "import"]

LOADS = (1, 16, 64)
# Each line has the name of the ratio, then its two throughputs, each as variant, method and connections.
_THROUGHPUTS: Mapping[str, tuple[tuple[str, What, int], tuple[str, What, int]]] = {
    "post_vs_monolith_64": (("platform", "post", 64), ("monolith", "post", 64)),
    "post_vs_monolith2_64": (("platform", "post", 64), ("monolith2", "post", 64)),
    "post_vs_monolith_16": (("platform", "post", 16), ("monolith", "post", 16)),
    "post_vs_monolith2_16": (("platform", "post", 16), ("monolith2", "post", 16)),
    "post_vs_pooled_64": (("platform", "post", 64), ("pooled", "post", 64)),
    "get_vs_monolith_64": (("platform", "get", 64), ("monolith", "get", 64)),
    "get_vs_monolith2_64": (("platform", "get", 64), ("monolith2", "get", 64)),
    "post_vs_ceiling_64": (("platform", "post", 64), ("ceiling", "post", 64)),
    "get_vs_ceiling_64": (("platform", "get", 64), ("ceiling", "get", 64)),
    "import_vs_copy": (("platform", "import", 1), ("platform", "copy", 1)),
    "traced_vs_untraced": (("platform", "post", 64), ("untraced", "post", 64)),
    "tls_vs_plain_post": (("platform", "post", 64), ("plain", "post", 64)),
    "tls_vs_plain_get": (("platform", "get", 64), ("plain", "get", 64)),
}


@dataclass(frozen=True)
class Figure:
    """One run. Rates are per second, times in milliseconds, CPU in microseconds per request. None: not measured."""

    repetition: int
    variant: str
    what: What
    connections: int
    """The number of connections; in an open loop, the number of requests started per second."""
    rate: float | None
    p50_ms: float | None = None
    p99_ms: float | None = None
    answered: int = 0
    cpu_us: float | None = None
    """CPU of the variant's own processes until all work of the run was finished, including work after the answers."""
    postgres_us: float | None = None
    rabbitmq_us: float | None = None
    others: float = 0.0
    """The share of all cores that other processes used during the run."""
    disk: float = 0.0
    """The share of all cores that was idle while something waited for the disk."""
    settle_seconds: float = 0.0
    """Seconds from the last answer until nothing was in progress."""
    dropped: int = 0
    """The number of requests in an open loop that were not started, because too many others were unanswered."""


@dataclass(frozen=True)
class Memory:
    """The resident memory of a variant's Python processes after its runs, in megabytes."""

    repetition: int
    variant: str
    rss_mb: float


@dataclass
class Results:
    """All figures of a benchmark."""

    figures: list[Figure] = field(default_factory=list[Figure])
    memories: list[Memory] = field(default_factory=list[Memory])
    servers: dict[str, str] = field(default_factory=dict[str, str])
    """The releases of the servers that all variants use, by name."""


def median(
    figures: Iterable[Figure], variant: str, what: What, connections: int, attribute: str = "rate"
) -> float | None:
    """Return the median over the repetitions; None when nothing was measured."""
    wanted = (variant, what, connections)
    values = [
        getattr(figure, attribute) for figure in figures if (figure.variant, figure.what, figure.connections) == wanted
    ]
    present = [value for value in values if value is not None]
    return statistics.median(present) if present else None


def ratios(figures: Sequence[Figure]) -> dict[str, float | None]:
    """Return each ratio of medians; None where one of the two was not measured.

    A higher ratio of throughputs is better. `post_p50_vs_store_1` is a ratio of times, so lower is better.
    """
    found = {
        name: divide(median(figures, *ours), median(figures, *other)) for name, (ours, other) in _THROUGHPUTS.items()
    }
    found["post_p50_vs_store_1"] = divide(
        median(figures, "platform", "post", 1, "p50_ms"), median(figures, "platform", "store", 1, "p50_ms")
    )
    return found


def divide(ours: float | None, other: float | None) -> float | None:
    """Return a ratio; None when either is absent or the divisor is zero."""
    return None if ours is None or not other else ours / other


def memory(memories: Iterable[Memory], variant: str) -> float | None:
    """Return the median of a variant's memory; None when it was not measured."""
    values = [found.rss_mb for found in memories if found.variant == variant]
    return statistics.median(values) if values else None
