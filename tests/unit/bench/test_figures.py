"""Evaluation of measurements: medians, ratios, tables, the plot, and runs that must be rejected."""

import json
from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest

from bench import plot, report
from bench.figures import Figure, Memory, Results, What, median, memory, ratios
from bench.load import LoadFailed, read_closed
from bench.plan import Plan
from bench.profile import own_times

MACHINE = {"cpu": "a CPU", "cores": 2, "memory_gb": 8.0, "os": "an OS", "python": "3.11"}
DATE = "2026-01-01T00:00:00+00:00"


def figures(variant: str, what: What, connections: int, *rates: float) -> list[Figure]:
    return [Figure(number, variant, what, connections, rate, 2.0, 9.0) for number, rate in enumerate(rates, start=1)]


def test_median_is_over_repetitions_of_the_same_load() -> None:
    measured = [*figures("platform", "post", 64, 300, 100, 200), *figures("platform", "post", 16, 900)]
    assert median(measured, "platform", "post", 64) == 200
    assert median(measured, "platform", "get", 64) is None


def test_ratio_divides_medians_and_not_single_repetitions() -> None:
    measured = [*figures("platform", "post", 64, 300, 100, 200), *figures("monolith", "post", 64, 50, 100, 400)]
    assert ratios(measured)["post_vs_monolith_64"] == 2.0


def test_ratio_to_an_unmeasured_variant_is_none() -> None:
    found = ratios(figures("platform", "post", 64, 300))
    assert set(found.values()) == {None}
    assert "import_vs_copy" in found


def test_post_against_store_compares_times() -> None:
    post = replace(figures("platform", "post", 1, 50)[0], p50_ms=6.0)
    store = replace(figures("platform", "store", 1, 900)[0], p50_ms=1.5)
    assert ratios([post, store])["post_p50_vs_store_1"] == 4.0


def test_memory_is_the_median_of_one_variant() -> None:
    found = [Memory(1, "platform", 500), Memory(2, "platform", 520), Memory(1, "monolith", 90)]
    assert memory(found, "platform") == 510
    assert memory(found, "ceiling") is None


def test_table_shows_medians_and_a_dash_where_nothing_was_measured() -> None:
    measured = [*figures("platform", "post", 64, 1400, 1200, 1300), *figures("monolith", "post", 64, 650)]
    results = Results(measured, [Memory(1, "platform", 512.4)])
    text = report.write_markdown(results, Plan(), MACHINE, DATE)
    assert "| FAIRDatabase | – | – | 1 300 | – | – | – |" in text
    assert "| post_vs_monolith_64 | 2.00 |" in text
    assert "| import_vs_copy | – |" in text
    assert "ceiling" not in text.partition("Ratios")[0]  # A variant that was not measured has no row.


def test_report_names_the_releases_of_the_servers() -> None:
    servers = {"postgres": "18.6", "redis": "6.2.5"}
    results = Results(figures("platform", "post", 64, 1), servers=servers)
    assert "Servers: postgres 18.6, redis 6.2.5." in report.write_markdown(results, Plan(), MACHINE, DATE)
    assert "Servers" not in report.write_markdown(replace(results, servers={}), Plan(), MACHINE, DATE)


def test_report_warns_when_others_used_the_machine() -> None:
    quiet = figures("platform", "post", 64, 100, 100)
    disturbed = [quiet[0], replace(quiet[1], others=0.4)]
    assert "compare with care" not in report.write_markdown(Results(quiet), Plan(), MACHINE, DATE)
    assert "In 1 of 2 runs other programs used" in report.write_markdown(Results(disturbed), Plan(), MACHINE, DATE)


def test_document_is_json_with_every_single_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.installation.wrk_version", lambda: "wrk")
    results = Results(figures("platform", "post", 64, 1, 2, 3), [Memory(1, "platform", 512.4)], {"postgres": "18.6"})
    document = json.loads(json.dumps(report.write_document(results, Plan(), MACHINE, DATE)))
    assert [figure["rate"] for figure in document["figures"]] == [1, 2, 3]
    assert (document["rss_mb"], document["machine"], document["date"]) == (512.4, MACHINE, DATE)
    assert document["servers"] == {"postgres": "18.6"}


def test_plot_draws_a_bar_for_each_variant_measured() -> None:
    measured = [*figures("platform", "post", 64, 100), *figures("monolith", "post", 64, 50)]
    svg = ET.fromstring(plot.draw(measured, report.VARIANTS))
    widths = [
        float(bar.attrib["width"])
        for bar in svg.iter("{http://www.w3.org/2000/svg}rect")
        if "%" not in bar.attrib["width"]
    ]
    assert len(widths) == 2
    assert widths[0] == 2 * widths[1]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("10\t10\t1\t1.0\t5\t9\t0\t429 slow down", "429 slow down"),
        ("10\t9\t0\t1.0\t5\t9\t0\t", "9 of 10"),
        ("10\t10\t0\t1.0\t5\t9\t2\t", "2 connection errors"),
        ("0\t0\t0\t0.0\t0\t0\t0\t", "0 of 0"),
    ],
    ids=["refused", "unanswered", "broken connections", "nothing sent"],
)
def test_run_that_lost_an_answer_is_rejected(line: str, reason: str) -> None:
    with pytest.raises(LoadFailed, match=reason):
        read_closed(line)


def test_rate_is_answers_divided_by_the_time_to_the_last_answer() -> None:
    run = read_closed("30\t30\t0\t1.500000\t5000.0\t9000.0\t0\t")
    assert (run.rate, run.p50_ms, run.p99_ms) == (20.0, 5.0, 9.0)


def test_own_time_counts_for_the_top_function_on_any_line() -> None:
    stacks = ["main (a.py:1);f (b.py:2) 3", "main (a.py:1);f (b.py:7) 4", "main (a.py:9) 1"]
    assert own_times(stacks) == {"f (b.py)": 7, "main (a.py)": 1}
