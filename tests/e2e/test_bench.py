"""The harness measures: every rival keeps the promises that it is compared by, every row and event is counted."""

import asyncio
import json
import sys
from pathlib import Path

import pytest

from bench.report import FOLDER
from deploy.local.layout import CHECKOUT

LIMIT = 600.0
"""Seconds, and more than a run waits for what it began to settle: it says then what is missing."""


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
                # It ends what it has started.
                process.terminate()
                await process.wait()
    assert process.returncode == 0, (await asyncio.to_thread(log.read_bytes)).decode(errors="replace")


@pytest.mark.timeout(3 * LIMIT)
async def test_a_short_run_measures_every_ratio(tmp_path: Path) -> None:
    results = FOLDER / "short.json"
    results.unlink(missing_ok=True)
    await run(tmp_path / "installation", "bench.installation")
    await run(tmp_path / "run", "bench.run", "--short")
    found = json.loads(results.read_text())
    assert not [name for name, ratio in found["ratios"].items() if not ratio]
    assert found["rss_mb"] > 0
