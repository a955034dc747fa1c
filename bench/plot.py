"""The plot: throughput of each variant as bars, in SVG written by hand, because a library would take 50 MB."""

from collections.abc import Mapping, Sequence
from xml.sax.saxutils import escape

from bench.figures import Figure, What, median

PANELS: tuple[tuple[What, int], ...] = (("post", 16), ("post", 64), ("get", 16), ("get", 64))
_LABEL, _BARS, _VALUE = 170, 230, 50  # Widths, in pixels.
_ROW, _HEAD, _GAP = 22, 34, 24  # Heights, and the space between panels, in pixels.
_OURS, _OTHERS = "#1b6ca8", "#b9c4cc"
_PANEL_WIDTH = _LABEL + _BARS + _VALUE


def draw(figures: Sequence[Figure], labels: Mapping[str, str]) -> str:
    """Return an SVG of two by two panels, POST above GET."""
    panels = [
        [
            (labels[variant], rate, variant == "platform")
            for variant in labels
            if (rate := median(figures, variant, *load))
        ]
        for load in PANELS
    ]
    height = _HEAD + _ROW * max(map(len, panels))
    parts = [
        _panel(f"{what.upper()}, {connections} connections: answers per second", bars, column, row)
        for (what, connections), bars, column, row in zip(
            PANELS, panels, (0, _PANEL_WIDTH + _GAP) * 2, (0, 0, height + _GAP, height + _GAP), strict=True
        )
    ]
    width, total = 2 * _PANEL_WIDTH + 3 * _GAP, 2 * height + 3 * _GAP
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{total}" font-family="sans-serif"'
        f' font-size="12"><rect width="100%" height="100%" fill="white"/>'
        f'<g transform="translate({_GAP},{_GAP})">{"".join(parts)}</g></svg>\n'
    )


def _bars(
    figures: Sequence[Figure], labels: Mapping[str, str], what: What, connections: int
) -> list[tuple[str, float, bool]]:
    """Return, for every variant that was measured, its label, its rate and whether it is the platform."""
    rates = {variant: median(figures, variant, what, connections) for variant in labels}
    return [(labels[variant], rate, variant == "platform") for variant, rate in rates.items() if rate is not None]


def _panel(title: str, bars: Sequence[tuple[str, float, bool]], x: int, y: int) -> str:
    longest = max((rate for _, rate, _ in bars), default=1.0)
    rows = [
        f'<text x="{_LABEL - 8}" y="{top + 14}" text-anchor="end">{escape(label)}</text>'
        f'<rect x="{_LABEL}" y="{top + 3}" width="{_BARS * rate / longest:.1f}" height="{_ROW - 6}"'
        f' fill="{_OURS if ours else _OTHERS}"/>'
        f'<text x="{_LABEL + _BARS * rate / longest + 5:.1f}" y="{top + 14}">{rate:.0f}</text>'
        for top, (label, rate, ours) in zip(range(_HEAD, 10_000, _ROW), bars, strict=False)
    ]
    head = f'<text x="{_LABEL}" y="16" font-weight="bold">{escape(title)}</text>'
    return f'<g transform="translate({x},{y})">{head}{"".join(rows)}</g>'
