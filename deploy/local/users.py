"""A user for each component when we are root, so that no component can read another's keys.

The users are numbers without a name in /etc/passwd, because nothing is installed system-wide. Debian and systemd assign
no number of this range. All share one group, which opens the sockets of servers to the services.

If other users cannot enter the checkout (because it is in /root, for example), components run as root, as they run as
ourselves if we are not root. Then each can read the keys of all.
"""

import os
import stat
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from deploy.local.layout import CHECKOUT, Layout
from deploy.local.privileges import Account, closed_folder
from deploy.services import NAMES, SERVERS

GROUP = 61000
_HOLDERS = (*NAMES, "edge", *SERVERS)
_NUMBERS = {holder: GROUP + 1 + index for index, holder in enumerate(_HOLDERS)} | {
    # Envoy reads what the agent writes.
    "edge_agent": GROUP + 1 + _HOLDERS.index("edge"),
    "envoy": GROUP + 1 + _HOLDERS.index("edge"),
}
_READ = (Path(sys.executable), Path(sys.base_prefix) / "lib", CHECKOUT / "chassis" / "__init__.py", CHECKOUT / "gen")


@dataclass(frozen=True)
class Users:
    """The users of one constellation."""

    separate: bool
    """Whether each component has its own."""

    @classmethod
    def of(cls, layout: Layout) -> "Users":
        """Return the users for a root folder, which need not exist yet."""
        return cls(_can_separate(layout.root, os.geteuid()))

    def account(self, holder: str) -> Account | None:
        """Return the user of a component or of a certificate's holder; None if it is ours."""
        number = _NUMBERS.get(holder)
        return Account(number, GROUP) if self.separate and number is not None else None

    def give(self, holder: str, *paths: Path) -> None:
        """Make a holder the owner of files, and of folders with everything in them. Absent paths are ignored."""
        account = self.account(holder)
        if account is None:
            return
        chown(account, *paths)


def chown(account: Account, *paths: Path) -> None:
    """Make an account the owner of files, and of folders with everything in them. Absent paths are ignored."""
    for path in paths:
        if path.is_dir() and not path.is_symlink():
            # The owner of a folder may replace an inner one by a symlink while we walk. `fwalk` opens each folder once,
            # without following symlinks, and we change only what is in the opened one.
            for _, _, files, opened in os.fwalk(path):
                for name in (".", *files):
                    os.chown(name, account.uid, account.gid, dir_fd=opened, follow_symlinks=False)
        elif os.path.lexists(path):
            os.chown(path, account.uid, account.gid, follow_symlinks=False)


@cache
def _can_separate(root: Path, user: int) -> bool:
    needed = (*_READ, root / "run.json")
    return user == 0 and _maps_our_numbers() and closed_folder(needed, GROUP, (GROUP,)) is None and _readable()


def _maps_our_numbers() -> bool:
    """Return whether our user namespace has the numbers of the users: containers may map only some."""
    ranges = [line.split() for line in Path("/proc/self/uid_map").read_text().splitlines()]
    last = max(_NUMBERS.values())
    return any(int(first) <= GROUP and last < int(first) + int(count) for first, _, count in ranges)


def _readable() -> bool:
    """Return whether others may read the checkout's code: with umask 077 they may not."""
    return all(path.stat().st_mode & stat.S_IROTH for path in _READ if path.exists())
