"""The report: tables in Markdown, the same figures in JSON, and a plot, in bench/results."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from bench import installation, machine, plot
from bench.figures import LOADS, Figure, Results, What, median, memory, ratios
from bench.patience import DISTURBED
from bench.plan import Plan

Machine = Mapping[str, str | int | float]

FOLDER = Path(__file__).parent / "results"
VARIANTS = {
    "platform": "FAIRDatabase",
    "untraced": "FAIRDatabase, not traced",
    "plain": "FAIRDatabase, without TLS",
    "pooled": "sketch, pooled httpx",
    "monolith": "monolith, 1 worker",
    "monolith2": "monolith, 2 workers",
    "ceiling": "ceiling: Envoy, gRPC",
}
METHODS: tuple[What, ...] = ("post", "get")
TIMES_SMALLER_IS_BETTER = "post_p50_vs_store_1"


def publish(results: Results, plan: Plan, name: str) -> str:
    """Write NAME.json, NAME.md and NAME.svg; return the Markdown."""
    FOLDER.mkdir(exist_ok=True)
    described = machine.describe()
    date = datetime.now(UTC).isoformat(timespec="seconds")
    document = write_document(results, plan, described, date)
    (FOLDER / f"{name}.json").write_text(json.dumps(document, indent=1) + "\n")
    text = write_markdown(results, plan, described, date)
    (FOLDER / f"{name}.md").write_text(text)
    (FOLDER / f"{name}.svg").write_text(plot.draw(results.figures, VARIANTS))
    return text


def write_document(results: Results, plan: Plan, described: Machine, date: str) -> dict[str, object]:
    """Return all figures as a JSON-compatible value. `rss_mb` is the memory of the platform."""
    return {
        "date": date,
        "machine": described,
        "servers": results.servers,
        "load_generators": {"closed": installation.wrk_version(), "open": "k6"},
        "plan": asdict(plan),
        "ratios": ratios(results.figures),
        "rss_mb": memory(results.memories, "platform"),
        "rss_mb_of": {variant: memory(results.memories, variant) for variant in VARIANTS},
        "figures": [asdict(figure) for figure in results.figures],
        "memories": [asdict(found) for found in results.memories],
    }


def write_markdown(results: Results, plan: Plan, described: Machine, date: str) -> str:
    """Return the report as Markdown."""
    figures = results.figures
    loads: list[tuple[What, int]] = [(what, connections) for what in METHODS for connections in LOADS]
    opened: list[tuple[What, int]] = [("post open", plan.open_post_rate), ("get open", plan.open_get_rate)]
    heads = [f"{what.upper()} {connections}" for what, connections in loads]

    def rates(variant: str) -> list[str]:
        return [_number(median(figures, variant, what, connections)) for what, connections in loads]

    def times(variant: str) -> list[str]:
        return [_times(figures, variant, what, connections) for what, connections in loads]

    def costs(variant: str) -> list[str]:
        cells = [_costs(figures, variant, what) for what in METHODS]
        return [*cells, _number(memory(results.memories, variant))]

    def open_times(variant: str) -> list[str]:
        return [_times(figures, variant, what, rate) + _dropped(figures, variant, what, rate) for what, rate in opened]

    parts = [
        (
            f"Measured {date} on {described['cores']} cores of {described['cpu']}, {described['memory_gb']} GB,"
            f" {described['os']}, Python {described['python']}. {plan.repetitions} repetitions,"
            f" with the variants in turn; {plan.seconds:g} s per run; the figures are medians."
        ),
        _servers(results.servers),
        _disturbances(figures),
        _section("Answers per second, by connections", heads, rates),
        _section("Closed loop: milliseconds, p50 / p99, by connections", heads, times),
        _section(
            "CPU µs per request at 64 connections: own + PostgreSQL + RabbitMQ; resident MB of Python",
            ["POST", "GET", "memory"],
            costs,
        ),
        _section(
            "Open loop: milliseconds, p50 / p99, by requests per second",
            [f"{what.split()[0].upper()} {rate}/s" for what, rate in opened],
            open_times,
        ),
        _ratios(results),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _servers(versions: Mapping[str, str]) -> str:
    return f"Servers: {', '.join(f'{name} {version}' for name, version in versions.items())}." if versions else ""


def _section(title: str, heads: Sequence[str], row: Callable[[str], list[str]]) -> str:
    rows = [(label, row(variant)) for variant, label in VARIANTS.items()]
    shown = [[label, *cells] for label, cells in rows if any(cell != "–" for cell in cells)]
    return f"**{title}**\n\n{table(['', *heads], shown)}"


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table with figures aligned to the right."""
    lines = [heads, ["---", *("---:" for _ in heads[1:])], *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _ratios(results: Results) -> str:
    rows = [(name, "–" if value is None else f"{value:.2f}") for name, value in ratios(results.figures).items()]
    note = f"`{TIMES_SMALLER_IS_BETTER}` is a ratio of times, so lower is better; for all others, higher is better."
    return f"**Ratios of medians**\n\n{table(['ratio', 'value'], rows)}\n\n{note}"


def _disturbances(figures: Sequence[Figure]) -> str:
    measured = f"of {len(figures)} runs"
    disturbed = [figure.others for figure in figures if figure.others > DISTURBED]
    stalled = [figure.disk for figure in figures if figure.disk > DISTURBED]
    lines = [
        (
            f"In {len(disturbed)} {measured} other programs used more than {DISTURBED:.0%} of the machine, up to"
            f" {max(disturbed, default=0):.0%}: compare with care."
        ),
        (
            f"In {len(stalled)} {measured} more than {DISTURBED:.0%} of it was idle while waiting for the disk, up to"
            f" {max(stalled, default=0):.0%}."
        ),
    ]
    return "\n".join(line for line, found in zip(lines, (disturbed, stalled), strict=True) if found)


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:,.0f}".replace(",", " ")


def _times(figures: Sequence[Figure], variant: str, what: What, load: int) -> str:
    p50, p99 = (median(figures, variant, what, load, attribute) for attribute in ("p50_ms", "p99_ms"))
    return "–" if p50 is None or p99 is None else f"{p50:.1f} / {p99:.1f}"


def _dropped(figures: Sequence[Figure], variant: str, what: What, load: int) -> str:
    dropped = median(figures, variant, what, load, "dropped")
    return f", {dropped:.0f} not started" if dropped else ""


def _costs(figures: Sequence[Figure], variant: str, what: What) -> str:
    parts = [median(figures, variant, what, 64, name) for name in ("cpu_us", "postgres_us", "rabbitmq_us")]
    return "–" if parts[0] is None else " + ".join(map(_number, parts))
