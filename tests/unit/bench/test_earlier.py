from bench.earlier import compare


def test_ratio_is_the_median_of_the_rounds_and_now_is_above() -> None:
    def rounds(*rates: float) -> list[dict[str, dict[str, float]]]:
        return [{method: {"rate": rate, "cpu_us": 1000 / rate} for method in ("POST", "GET")} for rate in rates]

    lines = compare(rounds(300, 200, 100), rounds(100, 100, 400)).splitlines()
    assert "| POST answers/s | 200 | 100 | 2.000 | 3.00, 2.00, 0.25 |" in lines
    assert "| GET CPU µs | 5 | 10 | 0.500 | 0.33, 0.50, 4.00 |" in lines
