"""Load: wrk for the closed loop, k6 for the open one. A run in which any answer is not 2xx fails."""

import asyncio
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench import installation

SCRIPT = Path(__file__).with_name("load.lua")
OPEN_SCRIPT = Path(__file__).with_name("load.js")
# Seconds to wait for the last answers after the measured time.
_LAST_ANSWERS_SECONDS = 60
_MARK = "RESULT\t"


class LoadFailed(Exception):
    """A run is invalid: a request was refused, lost or never answered."""


@dataclass(frozen=True)
class Target:
    """The target and the requests: base URL, token, POST or GET, and a file with one body or id per line."""

    url: str
    token: str
    method: str
    lines: Path


@dataclass(frozen=True)
class Closed:
    """The result of a closed-loop run, in which every request was answered with 2xx."""

    answered: int
    seconds: float
    p50_ms: float
    p99_ms: float

    @property
    def rate(self) -> float:
        """Answers per second."""
        return self.answered / self.seconds


@dataclass(frozen=True)
class Open:
    """The result of an open-loop run. `dropped` requests were due but not started, because 200 were unanswered."""

    answered: int
    dropped: int
    p50_ms: float
    p99_ms: float


async def closed_loop(target: Target, connections: int, seconds: float) -> Closed:
    """Keep the connections busy for the given seconds. Raises LoadFailed."""
    program, env = installation.wrk()
    limit = round(seconds) + _LAST_ANSWERS_SECONDS
    argv = [
        *(str(program), "--threads", "1", "--connections", str(connections), "--duration", str(limit)),
        *("--timeout", str(limit), "--script", str(SCRIPT), target.url, "--"),
        *(target.method, str(target.lines), str(seconds)),
    ]
    return read_closed(await _run(argv, {**env, "BENCH_TOKEN": target.token}))


def read_closed(line: str) -> Closed:
    """Read what load.lua printed. Raises LoadFailed."""
    due, answered, refused, seconds, p50, p99, errors, first = line.split("\t")
    if int(refused):
        raise LoadFailed(f"{refused} of {answered} answers were not 2xx; the first: {first}")
    if int(errors) or due != answered or not int(answered):
        raise LoadFailed(f"{answered} of {due} requests answered, {errors} connection errors")
    return Closed(int(answered), float(seconds), float(p50) / 1000, float(p99) / 1000)


async def open_loop(target: Target, rate: int, seconds: float) -> Open:
    """Start requests at the rate for the given seconds. Raises LoadFailed."""
    env = {
        "URL": target.url,
        "METHOD": target.method,
        "FILE": str(target.lines.resolve()),
        "RATE": str(rate),
        "SECONDS": str(seconds),
        "BENCH_TOKEN": target.token,
        "K6_NO_USAGE_REPORT": "true",
    }
    argv = [str(installation.k6()), "run", "--quiet", "--address", "", str(OPEN_SCRIPT)]
    result = json.loads(await _run(argv, env))
    if result["refused"] or not result["answered"]:
        raise LoadFailed(f"{result['refused']} of {result['answered']} answers were not 2xx")
    return Open(result["answered"], result["dropped"], result["p50_ms"], result["p99_ms"])


async def _run(argv: Sequence[str], env: Mapping[str, str]) -> str:
    """Run a load generator and return the output line after the mark. If this task is cancelled, kill the generator."""
    process = await asyncio.create_subprocess_exec(
        *argv, env={**os.environ, **env}, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    try:
        output, errors = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    for line in output.decode(errors="replace").splitlines():
        if line.startswith(_MARK):
            return line.removeprefix(_MARK)
    raise LoadFailed(f"{argv[0]} ended with {process.returncode}: {errors.decode(errors='replace')[-500:]}")
