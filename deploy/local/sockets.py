"""Folders for Unix sockets that strangers cannot enter, so that they neither connect nor put a socket there."""

import hashlib
import os
import shutil
import stat
from pathlib import Path

from deploy.local.privileges import Account
from deploy.local.users import GROUP

LONGEST = 90
"""The longest path of a folder in bytes. The path of a socket in it is limited to 107 bytes."""
_SHORT = Path("/tmp")  # noqa: S108 - the folder below is private, and `create` refuses a folder of another user


class FolderUntrusted(Exception):
    """Other users can enter the folder for sockets, or it belongs to another user."""


def folder_below(state: Path) -> Path:
    """Return the folder for the sockets of a server with this state; one below /tmp if its path cannot be used.

    It cannot if it is too long, or if it contains a comma, which separates the hosts in a database's URL.
    """
    folder = state / "socket"
    if len(os.fsencode(folder)) <= LONGEST and "," not in str(folder):
        return folder
    return _SHORT / f"fairdb-{os.geteuid()}-{hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]}"


def remove_outside(root: Path) -> None:
    """Remove the folders for sockets that the servers of a constellation have outside its root folder."""
    for server in ("postgres", "redis", "envoy"):
        folder = folder_below(root / server)
        if folder.parent == _SHORT:
            # Also a folder that is not ours: then it only stands in the way. A symlink is not followed.
            shutil.rmtree(folder, ignore_errors=True)


def create(folder: Path, account: Account | None) -> None:
    """Create a folder that only an account, root and the group of the platform's users can enter.

    Without an account, the folder is ours, and only we and root can enter it.

    Raises FolderUntrusted if it exists and is not ours.
    """
    folder.mkdir(mode=0o700, exist_ok=True)
    uid, gid = (os.geteuid(), -1) if account is None else (account.uid, account.gid)
    mode = 0o710 if gid == GROUP else 0o700
    # O_NOFOLLOW: below /tmp, another user may have put a symlink here.
    try:
        opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError as error:
        raise FolderUntrusted(f"{folder} is not a folder that we can open: remove it") from error
    try:
        status = os.fstat(opened)
        if status.st_uid not in (uid, os.geteuid()):
            raise FolderUntrusted(f"{folder} belongs to another user: remove it, or move the state to a shorter path")
        os.fchown(opened, uid, gid)
        if stat.S_IMODE(status.st_mode) != mode:
            os.fchmod(opened, mode)
    finally:
        os.close(opened)
