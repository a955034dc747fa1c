"""Child processes: starts them with a log, stops them, and recognises one by pid and start time."""

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

from deploy.local import private_files
from deploy.local.privileges import Account, prefix

POLL = 0.02


@dataclass(frozen=True)
class Command:
    """A program to start. `env` is its complete environment; `log` receives stdout and stderr."""

    argv: tuple[str, ...]
    env: Mapping[str, str]
    cwd: Path
    log: Path
    stop_signal: signal.Signals = signal.SIGTERM
    # Sent when the process that started it dies. PostgreSQL uses another signal, so that it frees shared memory.
    death_signal: str = "KILL"
    account: Account | None = None


@dataclass(frozen=True)
class Identity:
    """Identifies a process even if its pid is reused. `started` is in clock ticks since boot."""

    pid: int
    started: int
    boot: str

    @classmethod
    def of(cls, pid: int) -> "Identity | None":
        """Return the identity of a live process; None if it has ended, including zombies."""
        try:
            text = Path(f"/proc/{pid}/stat").read_text()
        except (FileNotFoundError, ProcessLookupError):
            return None
        # The second field is the program's name in parentheses, which may contain any character.
        words = text[text.rindex(")") + 2 :].split()
        if words[0] in "ZX":
            return None
        return cls(pid, int(words[19]), Path("/proc/sys/kernel/random/boot_id").read_text().strip())

    def alive(self) -> bool:
        return Identity.of(self.pid) == self


@dataclass
class Child:
    """A started process. `popen` is None if an earlier command started it and the ledger recorded it."""

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
    """Start a program in its own session, so that Ctrl-C reaches only us and we stop it in order.

    Unless `detached`, it dies with us, even if we are killed. Only its user can read its log and the files it creates,
    whatever the umask is: servers store messages in files with the mode that the umask leaves.
    """
    command.log.parent.mkdir(parents=True, exist_ok=True)
    argv = [*prefix(None if detached else command.death_signal, command.account), *command.argv]
    with private_files.open_log(command.log) as log:
        popen = subprocess.Popen(
            argv,
            env=dict(command.env),
            cwd=command.cwd,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            umask=private_files.UMASK,
        )
    identity = Identity.of(popen.pid)
    if identity is None:  # it has already ended; callers see that from its exit code
        identity = Identity(popen.pid, 0, "")
    return Child(identity, command.stop_signal, popen)


async def stop(child: Child, limit: float) -> None:
    """Ask a process to stop; after `limit` seconds, kill it. Its descendants end with it."""
    tree = descendants(child)
    send(child, child.stop_signal)
    await gone(child, limit)
    await kill(child, tree)


async def kill(child: Child, tree: list[psutil.Process] | None = None) -> None:
    """SIGKILL a process, reap it, and wait until its descendants have ended too.

    PostgreSQL's backends exit by themselves when the postmaster dies. PostgreSQL cannot restart until they have exited.
    """
    tree = descendants(child) if tree is None else tree
    send(child, signal.SIGKILL)
    await gone(child, 10)
    deadline = time.monotonic() + 5
    while any(running(process) for process in tree):
        if time.monotonic() > deadline:
            for process in filter(running, tree):
                process.kill()
            return
        await asyncio.sleep(POLL)


async def gone(child: Child, limit: float) -> bool:
    """Wait up to `limit` seconds until the process has ended; return whether it has."""
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
    """Return the last lines of a log file; empty if there is no file."""
    if not log.exists():
        return ""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - 16_384))
        return "\n".join(file.read().decode(errors="replace").splitlines()[-lines:])
