"""Compares this checkout with an earlier one: `python -m bench.earlier FOLDER [--rounds N] [--seconds S]`.

FOLDER is another checkout of the project, set up with `make setup`. Each round starts the platform of each checkout on
new servers, one after the other, measures POST and GET at 64 connections, and stops it. The order changes from round to
round. All requests and all load come from this checkout, so only the platforms differ.
"""

import argparse
import asyncio
import json
import os
import secrets
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import httpx

from bench import machine, report
from bench.lines import Lines
from bench.load import Closed, LoadFailed, Target, closed_loop
from bench.plan import FULL
from bench.stage import NO_LIMIT
from bench.variants.platform import log_in_owner, make_account
from deploy.local.layout import CHECKOUT, FAIRDB

CONNECTIONS = 64
METHODS = ("POST", "GET")
FILLING_SECONDS = 3.0
QUIET_CORES = 0.3
"""The platform counts as quiet while it uses less than this many cores. Idle, it uses about 0.1."""
QUIET_LIMIT_SECONDS = 60.0

# For each method: answers per second, and CPU microseconds per answer of the whole platform with its servers.
Round = dict[str, dict[str, float]]


def main() -> int:
    """Measure both checkouts and print the ratios. Returns 1 on failure."""
    parser = argparse.ArgumentParser(prog="python -m bench.earlier", description=__doc__)
    parser.add_argument("folder", type=Path, help="the earlier checkout")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=5.0, help="length of a run")
    parser.add_argument("--inside", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.inside is not None:
        arguments.inside.write_text(json.dumps(asyncio.run(measure(arguments.seconds))))
        return 0
    earlier = arguments.folder.resolve()
    found: dict[Path, list[Round]] = {CHECKOUT: [], earlier: []}
    for number in range(arguments.rounds):
        for checkout in sorted(found, reverse=number % 2 == 1):
            try:
                found[checkout].append(run(checkout, arguments.seconds))
            except LoadFailed as error:
                print(f"bench: {checkout}: {error}", file=sys.stderr)
                return 1
            print(f"{number + 1} {checkout}: {_summary(found[checkout][-1])}", flush=True)
    print(compare(found[CHECKOUT], found[earlier]))
    return 0


def run(checkout: Path, seconds: float) -> Round:
    """Start the platform of a checkout, measure it and stop it. Raises LoadFailed."""
    state = FAIRDB / "bench" / f"earlier-{secrets.token_hex(4)}"
    result = FAIRDB / "bench" / f"{state.name}.json"
    state.parent.mkdir(parents=True, exist_ok=True)
    inside = [sys.executable, "-m", "bench.earlier", "--seconds", str(seconds), "--inside", str(result), "."]
    platform = ["-m", "deploy.local", "run", "--free", "--root", str(state), "--"]
    # `env --chdir`: the child imports the modules of this checkout, not those of the measured one.
    argv = [str(checkout / ".venv/bin/python"), *platform, "env", f"--chdir={CHECKOUT}", *inside]
    done = subprocess.run(argv, cwd=checkout, env=os.environ | NO_LIMIT | {"FAIRDB_EMBARGO_SECONDS": "0"}, check=False)
    if done.returncode:
        raise LoadFailed(f"the run ended with {done.returncode}; logs are in {state}")
    shutil.rmtree(state)
    return json.loads(result.read_text())


async def measure(seconds: float) -> Round:
    """Measure the platform whose launcher is the parent of this process."""
    launcher, url = os.getppid(), os.environ["FAIRDB_EDGE_URL"]
    folder = Path(os.environ["FAIRDB_ROOT"]) / "bench"
    folder.mkdir()
    await make_account(url)
    token = await log_in_owner(url)
    lines = Lines(folder, FULL.bodies)
    await closed_loop(Target(url, token, "POST", lines.next("POST", "")), CONNECTIONS, FILLING_SECONDS)
    lines.set_ids("", await read_ids(url, token))
    await closed_loop(Target(url, token, "GET", lines.next("GET", "")), CONNECTIONS, FULL.warm_up_seconds)
    found: Round = {}
    for method in METHODS:
        target = Target(url, token, method, lines.next(method, ""))
        answered, cpu = await costed(launcher, lambda target=target: closed_loop(target, CONNECTIONS, seconds))
        found[method] = {"rate": answered.rate, "cpu_us": cpu * 1e6 / answered.answered}
    return found


async def costed(launcher: int, load: Callable[[], Awaitable[Closed]]) -> tuple[Closed, float]:
    """Run the load, wait until its work is finished, and return its result and the CPU seconds that it caused."""
    idle = await until_quiet(launcher)
    before, began = platform_seconds(launcher), time.monotonic()
    result = await load()
    await until_quiet(launcher)
    used, elapsed = platform_seconds(launcher) - before, time.monotonic() - began
    return result, used - idle * elapsed


async def until_quiet(launcher: int) -> float:
    """Wait until the platform has nothing left to do; return how many cores it then uses. Raises LoadFailed."""
    until = time.monotonic() + QUIET_LIMIT_SECONDS
    while time.monotonic() < until:
        before, began = platform_seconds(launcher), time.monotonic()
        await asyncio.sleep(2)
        cores = (platform_seconds(launcher) - before) / (time.monotonic() - began)
        if cores < QUIET_CORES:
            return cores
    raise LoadFailed(f"the platform is still busy after {QUIET_LIMIT_SECONDS:g} s")


def platform_seconds(launcher: int) -> float:
    """Return the CPU seconds of all processes of the platform. They and this process are children of the launcher."""
    return machine.cpu_seconds([launcher]) - machine.own_seconds()


async def read_ids(url: str, token: str) -> list[str]:
    """Return the ids of samples that the account owns."""
    ids: list[str] = []
    page = ""
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=url, headers=headers, timeout=30, trust_env=False) as http:
        while len(ids) < FULL.ids:
            parameters = {"pageSize": "100"} | ({"pageToken": page} if page else {})
            answer = await http.get("/api/samples", params=parameters)
            body = answer.raise_for_status().json()
            ids += [sample["id"] for sample in body["samples"]]
            page = body.get("nextPageToken", "")
            if not page:
                break
    return ids


def compare(now: Sequence[Round], earlier: Sequence[Round]) -> str:
    """Return a Markdown table of medians, and of the ratio of each round: this checkout divided by the earlier one.

    The ratio of all is the median of those ratios: the two runs of a round are neighbours, so a machine whose speed
    drifts affects both.
    """
    rows: list[list[str]] = []
    for method in METHODS:
        for figure, unit in (("rate", "answers/s"), ("cpu_us", "CPU µs")):
            pairs = [(ours[method][figure], theirs[method][figure]) for ours, theirs in zip(now, earlier, strict=True)]
            ours, theirs = (statistics.median(side) for side in zip(*pairs, strict=True))
            each = [a / b for a, b in pairs]
            cells = f"{ours:.0f}", f"{theirs:.0f}", f"{statistics.median(each):.3f}"
            rows.append([f"{method} {unit}", *cells, ", ".join(f"{ratio:.2f}" for ratio in each)])
    return report.table(["", "now", "earlier", "ratio", "ratio of each round"], rows)


def _summary(found: Round) -> str:
    return ", ".join(f"{method} {found[method]['rate']:.0f}/s {found[method]['cpu_us']:.0f} µs" for method in METHODS)


if __name__ == "__main__":
    sys.exit(main())
