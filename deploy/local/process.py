"""Child processes: starting them with a log, ending them, and knowing one again by pid and start time."""

import asyncio
import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from deploy.local.privileges import Account, prefix

POLL = 0.02


@dataclass(frozen=True)
class Command:
    """A program to start. `env` is the whole environment it gets, `log` takes both its outputs."""

    argv: tuple[str, ...]
    env: Mapping[str, str]
    cwd: Path
    log: Path
    stop_signal: signal.Signals = signal.SIGTERM
    # What it gets when the process that started it dies. PostgreSQL is told to clean up its shared memory.
    death_signal: str = "KILL"
    account: Account | None = None


@dataclass(frozen=True)
class Identity:
    """One process, never mistaken for a later one with the same pid: start time in ticks since that boot."""

    pid: int
    started: int
    boot: str

    @classmethod
    def of(cls, pid: int) -> "Identity | None":
        """Return the identity of a living process; None when it has ended, also when nobody has reaped it yet."""
        try:
            text = Path(f"/proc/{pid}/stat").read_text()
        except (FileNotFoundError, ProcessLookupError):
            return None
        # The second field is the program's name in parentheses and may hold anything.
        words = text[text.rindex(")") + 2 :].split()
        if words[0] in "ZX":
            return None
        return cls(pid, int(words[19]), Path("/proc/sys/kernel/random/boot_id").read_text().strip())

    def alive(self) -> bool:
        return Identity.of(self.pid) == self


@dataclass
class Child:
    """A started process. `popen` is absent when somebody before us started it and we know it from the ledger."""

    identity: Identity
    stop_signal: signal.Signals
    popen: "subprocess.Popen[bytes] | None" = field(default=None, repr=False)

    @property
    def pid(self) -> int:
        return self.identity.pid

    def alive(self) -> bool:
        if self.popen is not None:
            return self.popen.poll() is None
        return self.identity.alive()

    def exit_code(self) -> int | None:
        return None if self.popen is None else self.popen.poll()


def spawn(command: Command, *, detached: bool) -> Child:
    """Start a program in a session of its own, so that a terminal's Ctrl-C reaches us only and we end it in order.

    Unless `detached`, it dies with us even when we are killed.
    """
    command.log.parent.mkdir(parents=True, exist_ok=True)
    argv = [*prefix(None if detached else command.death_signal, command.account), *command.argv]
    with command.log.open("ab") as log:
        popen = subprocess.Popen(
            argv,
            env=dict(command.env),
            cwd=command.cwd,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    identity = Identity.of(popen.pid)
    if identity is None:  # it ended at once; its exit code says so to whoever waits for it
        identity = Identity(popen.pid, 0, "")
    return Child(identity, command.stop_signal, popen)


async def stop(child: Child, limit: float) -> None:
    """Ask a process to end; kill it when it has not within `limit` seconds. What it started ends with it."""
    family = descendants(child)
    send(child, child.stop_signal)
    await gone(child, limit)
    await kill(child, family)


async def kill(child: Child, family: list[psutil.Process] | None = None) -> None:
    """SIGKILL a process, reap it, and wait until what it started is gone as well.

    PostgreSQL's backends notice the postmaster's death by themselves; a restart that overtakes them is refused.
    """
    family = descendants(child) if family is None else family
    send(child, signal.SIGKILL)
    await gone(child, 10)
    deadline = time.monotonic() + 5
    while any(running(process) for process in family):
        if time.monotonic() > deadline:
            for process in filter(running, family):
                process.kill()
            return
        await asyncio.sleep(POLL)


async def gone(child: Child, limit: float) -> bool:
    """Wait until the process has ended, at most `limit` seconds; tell whether it has."""
    deadline = time.monotonic() + limit
    while child.alive():
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(POLL)
    return True


def send(child: Child, number: signal.Signals) -> None:
    if child.alive():
        with contextlib.suppress(ProcessLookupError):
            os.kill(child.pid, number)


def descendants(child: Child) -> list[psutil.Process]:
    try:
        return psutil.Process(child.pid).children(recursive=True) if child.alive() else []
    except psutil.NoSuchProcess:
        return []


def running(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def tail(log: Path, lines: int = 20) -> str:
    """Return the last lines of a log file; empty when there is none."""
    if not log.exists():
        return ""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - 16_384))
        return "\n".join(file.read().decode(errors="replace").splitlines()[-lines:])
