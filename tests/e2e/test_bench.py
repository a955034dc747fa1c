"""The harness measures: every rival keeps the promises that it is compared by, every row and event is counted."""

import asyncio
import json
import sys
from pathlib import Path

from bench.report import FOLDER

CHECKOUT = Path(__file__).parents[2]
LIMIT = 600.0


async def run(*module: str) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", *module, cwd=CHECKOUT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    try:
        async with asyncio.timeout(LIMIT):
            output, _ = await process.communicate()
    finally:
        if process.returncode is None:
            # It ends what it has started.
            process.terminate()
            await process.wait()
    assert process.returncode == 0, output.decode()


async def test_a_short_run_measures_every_ratio() -> None:
    results = FOLDER / "short.json"
    results.unlink(missing_ok=True)
    await run("bench.installation")
    await run("bench.run", "--short")
    found = json.loads(results.read_text())
    assert found["missing"] == {}
    assert all(ratio > 0 for ratio in found["ratios"].values())
    assert found["rss_mb"] > 0
