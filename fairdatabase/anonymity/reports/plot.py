"""A chart of class sizes before and after anonymisation, as SVG."""

from xml.sax.saxutils import escape

import numpy as np
from numpy.typing import NDArray

_WIDTH, _HEIGHT, _LEFT, _BOTTOM, _TOP = 720, 320, 64, 48, 40
_FONT = 'font-family="sans-serif" font-size="12"'
_COLOURS = {"before": "#b8b8b8", "after": "#2f6f9f"}


def plot_sizes(before: NDArray[np.int64], after: NDArray[np.int64], k: int) -> str:
    """Return a bar chart of people by class size, in bins that double. A line marks k.

    Each person counts once, by the size of their smallest class.
    """
    edges = _edges(int(max(before.max(initial=1), after.max(initial=1))), k)
    bars = {"before": _people(before, edges), "after": _people(after, edges)}
    highest = max(1, *(int(counts.max()) for counts in bars.values()))
    step = (_WIDTH - _LEFT - 16) / (len(edges) - 1)
    tall = _HEIGHT - _BOTTOM - _TOP
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" {_FONT}>',
        "<title>People by the size of their class, before and after</title>",
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="white"/>',
    ]
    for turn, (name, counts) in enumerate(bars.items()):
        legend = _LEFT + 90 * turn
        parts.append(f'<rect x="{legend}" y="12" width="12" height="12" fill="{_COLOURS[name]}"/>')
        parts.append(f'<text x="{legend + 18}" y="22">{name}</text>')
        for number, count in enumerate(counts.tolist()):
            height = tall * count / highest
            x = _LEFT + step * (number + 0.1 + 0.4 * turn)
            y = _TOP + tall - height
            people = "1 person" if count == 1 else f"{count} people"
            tooltip = f"<title>{name}: {people} in classes of {_range(edges, number)}</title>"
            size = f'width="{0.38 * step:.1f}" height="{height:.1f}"'
            parts.append(f'<rect x="{x:.1f}" y="{y:.1f}" {size} fill="{_COLOURS[name]}">{tooltip}</rect>')
    floor = _TOP + tall
    for number in range(len(edges) - 1):
        x = _LEFT + step * (number + 0.5)
        parts.append(f'<text x="{x:.1f}" y="{floor + 16}" text-anchor="middle">{escape(_range(edges, number))}</text>')
    for share in (0.0, 0.5, 1.0):
        y = floor - tall * share
        parts.append(f'<text x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{round(highest * share)}</text>')
        parts.append(f'<line x1="{_LEFT}" x2="{_WIDTH - 16}" y1="{y:.1f}" y2="{y:.1f}" stroke="#dddddd"/>')
    x = _LEFT + step * int(np.searchsorted(edges, k))
    parts.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP}" y2="{floor}" stroke="#b03030" stroke-dasharray="4 3"/>')
    parts.append(f'<text x="{x + 4:.1f}" y="{_TOP + 10}" fill="#b03030">k = {k}</text>')
    parts.append(
        f'<text x="{(_LEFT + _WIDTH) / 2:.0f}" y="{_HEIGHT - 10}" text-anchor="middle">'
        "people in the class (the smallest one of each person)</text>"
    )
    return "\n".join([*parts, "</svg>", ""])


def _edges(largest: int, k: int) -> NDArray[np.int64]:
    """Return the edges of the bins: 1, 2, k, 2 k, 4 k and so on. The last edge exceeds the largest size."""
    edges = [1] if k == 1 else sorted({1, 2, k})
    while edges[-1] <= largest:
        edges.append(edges[-1] * 2)
    return np.array(edges)


def _people(sizes: NDArray[np.int64], edges: NDArray[np.int64]) -> NDArray[np.int64]:
    bins = np.searchsorted(edges, sizes, side="right") - 1
    return np.bincount(bins, minlength=len(edges) - 1)


def _range(edges: NDArray[np.int64], number: int) -> str:
    low, high = int(edges[number]), int(edges[number + 1]) - 1
    return str(low) if low == high else f"{low}-{high}"
