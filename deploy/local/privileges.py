"""Runs child processes as an unprivileged user, and makes them die with this process.

Commands run through `setpriv` (util-linux), which replaces itself with the program, so the pid stays the same. Unlike
Python code that runs between fork and exec, it is safe in a process with threads, such as gRPC's.
"""

import os
import pwd
import shutil
import stat
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

CAPABILITY_BITS = {"dac_read_search": 2, "dac_override": 1}
SETPCAP_BIT = 8


class Unreachable(Exception):
    """A server cannot enter a folder, and we cannot grant it the capability to do so."""


@dataclass(frozen=True)
class Account:
    """An unprivileged user, and the capability it needs to reach its files, if any."""

    uid: int
    gid: int
    capability: str | None = None


def unprivileged(data: Path, program: Path) -> Account | None:
    """Return the user that PostgreSQL runs as, since it refuses to run as root; None if we are not root.

    That user must be able to enter every folder above the files, but a folder such as /root is closed to it. We do not
    change that folder's permissions. Instead, the server gets a capability to enter it
    (docs/decisions/local-servers.md). Raises Unreachable if we cannot grant one.
    """
    if os.geteuid() != 0:
        return None
    user = owner_of(data) or next(entry for entry in map(find_user, ("postgres", "nobody")) if entry is not None)
    closed = closed_folder((data, program), user.pw_uid, (user.pw_gid,))
    if closed is None:
        return Account(user.pw_uid, user.pw_gid)
    capability = available_capability(held_capabilities())
    if capability is None:
        raise Unreachable(
            f"PostgreSQL refuses to run as root, so it runs as user {user.pw_name}, which cannot enter {closed}:"
            " move the checkout to a folder that other users can enter, or run this as an ordinary user"
        )
    return Account(user.pw_uid, user.pw_gid, capability)


def closed_folder(paths: Iterable[Path], uid: int, gids: Collection[int]) -> Path | None:
    """Return the first folder above the paths that a user cannot enter."""
    folders = (folder for path in paths for folder in reversed(path.resolve().parents) if folder.exists())
    return next((folder for folder in folders if not passable(folder, uid, gids)), None)


def owner_of(data: Path) -> pwd.struct_passwd | None:
    """Return the owner of existing data; None for root or if there is no data."""
    try:
        owner = data.stat().st_uid
        return pwd.getpwuid(owner) if owner != 0 else None
    except (FileNotFoundError, KeyError):
        return None


def find_user(name: str) -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(name)
    except KeyError:
        return None


def passable(folder: Path, uid: int, gids: Collection[int]) -> bool:
    status = folder.stat()
    if status.st_uid == uid:
        return bool(status.st_mode & stat.S_IXUSR)
    if status.st_gid in gids:
        return bool(status.st_mode & stat.S_IXGRP)
    return bool(status.st_mode & stat.S_IXOTH)


def held_capabilities() -> int:
    """Return the bits of our effective capabilities."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1], 16) for line in lines if line.startswith("CapEff:"))


def available_capability(held: int) -> str | None:
    """Return the least powerful capability among `held` that gives access to closed folders, or None.

    Containers often lack the least powerful one. Granting any of them (see `prefix`) requires CAP_SETPCAP.
    """
    if not held >> SETPCAP_BIT & 1:
        return None
    return next((name for name, bit in CAPABILITY_BITS.items() if held >> bit & 1), None)


def prefix(death_signal: str | None, account: Account | None) -> list[str]:
    """Return the `setpriv` prefix that runs a command as `account` and sends it `death_signal` when we die.

    The kernel sends that signal when the THREAD that started the child ends, so start children from the main thread.
    """
    setpriv = shutil.which("setpriv", path=f"{os.environ.get('PATH', '')}:/usr/bin:/usr/sbin")
    if setpriv is None:
        if account is not None:
            raise FileNotFoundError(
                "setpriv was not found, which starting PostgreSQL as root requires: install util-linux"
            )
        return []
    words: list[str] = []
    if death_signal is not None:
        words += ["--pdeathsig", death_signal]
    if account is not None:
        words += ["--reuid", str(account.uid), "--regid", str(account.gid), "--clear-groups"]
        if account.capability is not None:
            grant = f"-all,+{account.capability}"
            words += ["--inh-caps", grant, "--ambient-caps", grant]
            # PostgreSQL finds its own programs with access(2), which ignores the capabilities of ordinary users unless
            # this bit is set.
            words += ["--securebits", "+no_setuid_fixup"]
    return [setpriv, *words, "--"] if words else []
