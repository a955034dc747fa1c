"""The machine: what it is, what processes have used of it, and what they hold."""

import platform
from collections.abc import Iterable
from pathlib import Path

import psutil

MEGABYTE = 1024 * 1024


def describe() -> dict[str, str | int | float]:
    """Name the machine by what decides over its speed."""
    return {
        "cpu": _first("/proc/cpuinfo", "model name", ":"),
        "cores": psutil.cpu_count() or 0,
        "memory_gb": round(psutil.virtual_memory().total / 1024**3, 1),
        "os": _first("/etc/os-release", "PRETTY_NAME", "=").strip('"'),
        "kernel": platform.release(),
        "python": platform.python_version(),
    }


def cpu_seconds(roots: Iterable[int]) -> float:
    """Return the CPU time that process trees have used so far, that of children who have ended included."""
    total = 0.0
    for process in _family(roots):
        try:
            times = process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system + times.children_user + times.children_system
    return total


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
