"""The machine: what it is, and how much CPU and memory processes use."""

import asyncio
import os
import platform
from collections.abc import Iterable
from pathlib import Path

import psutil

MEGABYTE = 1024 * 1024


def describe() -> dict[str, str | int | float]:
    """Return the properties of the machine that determine its speed."""
    return {
        "cpu": _first("/proc/cpuinfo", "model name", ":"),
        "cores": cores(),
        "memory_gb": round(psutil.virtual_memory().total / 1024**3, 1),
        "os": _first("/etc/os-release", "PRETTY_NAME", "=").strip('"'),
        "kernel": platform.release(),
        "python": platform.python_version(),
    }


def cores() -> int:
    """Return the number of cores."""
    return psutil.cpu_count() or 1


def cpu_seconds(roots: Iterable[int]) -> float:
    """Return the CPU time of process trees so far, including children that have ended."""
    total = 0.0
    for process in _family(roots):
        try:
            times = process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system + times.children_user + times.children_system
    return total


def busy_seconds() -> float:
    """Return the CPU time of the whole machine so far, including the time stolen by its host."""
    # Do not add the time of guests: user time includes it.
    idle = ("idle", "iowait", "guest", "guest_nice")
    return sum(spent for name, spent in psutil.cpu_times()._asdict().items() if name not in idle)


def disk_seconds() -> float:
    """Return the time so far in which cores were idle while a process waited for the disk."""
    return getattr(psutil.cpu_times(), "iowait", 0.0)


def own_seconds() -> float:
    """Return the CPU time of this process and of its ended children, which are the load generators."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


async def busy_share(seconds: float) -> float:
    """Watch the machine for the given seconds; return the share of all cores that was busy."""
    before = busy_seconds()
    await asyncio.sleep(seconds)
    return (busy_seconds() - before) / seconds / cores()


def python_megabytes(roots: Iterable[int]) -> float:
    """Return the resident memory of the Python processes in process trees."""
    total = 0
    for process in _family(roots):
        try:
            if "python" in Path(process.exe()).name:
                total += process.memory_info().rss
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return total / MEGABYTE


def _family(roots: Iterable[int]) -> list[psutil.Process]:
    found: dict[int, psutil.Process] = {}
    for pid in roots:
        process = psutil.Process(pid)
        found.update({member.pid: member for member in (process, *process.children(recursive=True))})
    return list(found.values())


def _first(file: str, key: str, separator: str) -> str:
    for line in Path(file).read_text().splitlines():
        name, _, value = line.partition(separator)
        if name.strip() == key:
            return value.strip()
    return "unknown"
