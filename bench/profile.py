"""Shows where each service spends its time under load. Run as `python -m bench.profile`.

py-spy samples the four services while 64 connections create samples, then while they read them. It writes flame graphs
to bench/results/profiles and prints the functions with the most self time. Without --native, only threads that hold
Python's global interpreter lock are shown: neither waiting threads nor C code that has released the lock (gRPC's core).
With --native, all threads and C functions are shown; waiting threads appear as epoll_wait, poll or futex.

py-spy reads the memory of other processes. Root may do that; other users may only profile their own children
(`py-spy record -- python -m gateway`), unless the kernel permits more (`sysctl kernel.yama.ptrace_scope=0`).
"""

import argparse
import asyncio
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from bench import report
from bench.lines import Lines
from bench.load import Target, closed_loop
from bench.measuring import Method, metering
from bench.plan import Plan
from bench.run import fill, read_ids
from bench.stage import set_up
from bench.variants.platform import Platform, make_account
from deploy.local.__main__ import interruptible
from deploy.local.database import DATABASE
from deploy.local.layout import FAIRDB
from deploy.local.setup import VENV
from deploy.services import NAMES

FOLDER = report.FOLDER / "profiles"
ROOT = FAIRDB / "bench" / "profile"
CONNECTIONS = 64
METHODS: tuple[Method, ...] = ("POST", "GET")
_SHOWN = 12
# The load begins before the first profile and ends after the last.
_MARGIN_SECONDS = 6.0


class ProfilerFailed(Exception):
    """py-spy could not profile a service."""


def main() -> int:
    """Profile the services, and print the functions and the folder of the flame graphs."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.profile", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=int, default=10, help="seconds for each profile (two for each method)")
    parser.add_argument("--native", action="store_true", help="include C code")
    arguments = parser.parse_args()
    try:
        interruptible(profile(arguments.seconds, "--native" if arguments.native else "--gil"))
    except ProfilerFailed as error:
        print(f"profile: {error}", file=sys.stderr)
        return 1
    print(f"flame graphs: {FOLDER}")
    return 0


async def profile(seconds: int, mode: str) -> None:
    """Start a platform, put it under load, and profile each service twice: for the flame graph and for the list."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    plan = Plan(ids=500)
    async with set_up(ROOT) as stage:
        lines = Lines(stage.folder("lines"), plan.bodies)
        await make_account(stage.constellation.edge_url)
        platform = Platform(stage)
        async with metering(stage, platform, lines, 0.0, 1) as meter:
            await fill(meter, plan)
            lines.set_ids(platform.name, await read_ids(stage, DATABASE, "backend_svc.sample", plan))
            for method in METHODS:
                target = Target(platform.url, meter.token, method, lines.next(method, platform.name))
                load = asyncio.create_task(closed_loop(target, CONNECTIONS, 2 * seconds + _MARGIN_SECONDS))
                try:
                    for form in ("flamegraph", "raw"):
                        await asyncio.gather(
                            *(look(stage.constellation.pid(name), name, method, form, mode, seconds) for name in NAMES)
                        )
                    await load
                finally:
                    load.cancel()
                for name in NAMES:
                    print(describe(name, method, graph(name, method, "raw").read_text().splitlines()))


async def look(pid: int, service: str, method: Method, form: str, mode: str, seconds: int) -> None:
    """Profile one process. Raises ProfilerFailed."""
    file = graph(service, method, form)
    argv = ("record", mode, "--pid", str(pid), "--duration", str(seconds), "--rate", "100", "--format", form)
    process = await asyncio.create_subprocess_exec(
        VENV / "bin" / "py-spy",
        *argv,
        "--output",
        file,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        output, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode != 0:
        raise ProfilerFailed(f"{service}: {output.decode(errors='replace').strip()[-300:]}")


def graph(service: str, method: Method, form: str) -> Path:
    """Return the path of a profile."""
    return FOLDER / f"{service}.{method.lower()}.{'svg' if form == 'flamegraph' else 'txt'}"


def describe(service: str, method: Method, stacks: Iterable[str]) -> str:
    """Return the functions with the most self time, as shares of the samples."""
    own = own_times(stacks)
    total = sum(own.values()) or 1
    lines = [f"  {count / total:6.1%}  {function}" for function, count in own.most_common(_SHOWN)]
    return "\n".join([f"{service}, {method} at {CONNECTIONS} ({total} samples)", *lines])


def own_times(stacks: Iterable[str]) -> Counter[str]:
    """Count, for each function, the samples in which it was innermost. A line of input: "f (a.py:1);g (b.py:2) 7"."""
    own: Counter[str] = Counter()
    for line in stacks:
        stack, _, count = line.rpartition(" ")
        frame = stack.rpartition(";")[2]
        # Identify a function by its name and file, without the line number.
        own[frame.rpartition(":")[0] + ")" if ":" in frame else frame] += int(count)
    return own


if __name__ == "__main__":
    sys.exit(main())
