"""The benchmark runs to its end and measures every ratio that the kind of run includes."""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from bench.report import FOLDER
from deploy.local.layout import CHECKOUT

LIMIT = 600.0
"""Timeout in seconds. A run with missing results fails earlier than this."""


async def run(log: Path, *module: str) -> None:
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", *module, cwd=CHECKOUT, stdout=output, stderr=asyncio.subprocess.STDOUT
        )
        try:
            async with asyncio.timeout(LIMIT):
                await process.wait()
        finally:
            if process.returncode is None:
                # On SIGTERM, the benchmark stops the processes that it started.
                process.terminate()
                await process.wait()
    assert process.returncode == 0, (await asyncio.to_thread(log.read_bytes)).decode(errors="replace")


async def measure(tmp_path: Path, form: str) -> dict[str, Any]:
    results = FOLDER / f"{form}.json"
    results.unlink(missing_ok=True)
    await run(tmp_path / "installation", "bench.installation")
    await run(tmp_path / "run", "bench.run", f"--{form}")
    found = json.loads(results.read_text())
    assert found["rss_mb"] > 0
    return found["ratios"]


@pytest.mark.timeout(3 * LIMIT)
async def test_smoke_run_measures_the_platform_and_one_rival(tmp_path: Path) -> None:
    ratios = await measure(tmp_path, "smoke")
    measured = {name for name, ratio in ratios.items() if ratio}
    against_monolith = {"post_vs_monolith_64", "post_vs_monolith_16", "get_vs_monolith_64"}
    assert measured == {*against_monolith, "post_p50_vs_store_1"}


@pytest.mark.soak
@pytest.mark.timeout(3 * LIMIT)
async def test_short_run_measures_every_ratio(tmp_path: Path) -> None:
    assert not [name for name, ratio in (await measure(tmp_path, "short")).items() if not ratio]
