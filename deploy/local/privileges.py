"""What a child process may do: as whom it runs, and that it dies with us.

Both are done by `setpriv` (util-linux) in front of the program: it ends in exec, so the pid is the program's, and
unlike a hook between fork and exec it is safe in a process that already runs threads (gRPC's).
"""

import os
import pwd
import shutil
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

CAPABILITY_BITS = {"dac_read_search": 2, "dac_override": 1}


@dataclass(frozen=True)
class Account:
    """An unprivileged user, and the capability it needs to reach its folder, if any."""

    uid: int
    gid: int
    capability: str | None = None


def unprivileged(reach: Iterable[Path]) -> Account | None:
    """Return whom a server that refuses root shall run as; None when we are not root.

    `reach` are the paths it must get to. A folder above them may be closed to others (a checkout in /root, pytest's
    folder in /tmp). Opening it would change what is not ours, so the server gets the capability to pass instead.
    """
    if os.geteuid() != 0:
        return None
    user = next(entry for entry in map(find_user, ("postgres", "nobody")) if entry is not None)
    closed = any(not passable(folder, user) for path in reach for folder in path.resolve().parents)
    return Account(user.pw_uid, user.pw_gid, available_capability() if closed else None)


def find_user(name: str) -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(name)
    except KeyError:
        return None


def passable(folder: Path, user: pwd.struct_passwd) -> bool:
    status = folder.stat()
    if status.st_uid == user.pw_uid:
        return bool(status.st_mode & stat.S_IXUSR)
    if status.st_gid == user.pw_gid:
        return bool(status.st_mode & stat.S_IXGRP)
    return bool(status.st_mode & stat.S_IXOTH)


def available_capability() -> str | None:
    """Return the smallest capability we hold that passes closed folders. Containers often lack the first."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("CapEff:"):
            held = int(line.split()[1], 16)
            return next((name for name, bit in CAPABILITY_BITS.items() if held >> bit & 1), None)
    return None


def prefix(death_signal: str | None, account: Account | None) -> list[str]:
    """Return the words to put before a command so that it runs as `account` and gets `death_signal` when we die.

    The kernel sends that signal when the THREAD that started the child ends: start constellations from the main one.
    """
    setpriv = shutil.which("setpriv", path=f"{os.environ.get('PATH', '')}:/usr/bin:/usr/sbin")
    if setpriv is None:
        if account is not None:
            raise FileNotFoundError("setpriv (package util-linux) is needed to start a server as an ordinary user")
        return []
    words: list[str] = []
    if death_signal is not None:
        words += ["--pdeathsig", death_signal]
    if account is not None:
        words += ["--reuid", str(account.uid), "--regid", str(account.gid), "--clear-groups"]
        if account.capability is not None:
            grant = f"-all,+{account.capability}"
            words += ["--inh-caps", grant, "--ambient-caps", grant]
    return [setpriv, *words, "--"] if words else []
