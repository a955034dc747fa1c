"""Files that only their owner may open. Standard library only: set-up uses this before a virtual environment exists.

Also for locks and logs without secrets: whoever can read a file can lock it, and so stop everybody who waits for it.
"""

import os
from pathlib import Path
from typing import BinaryIO

UMASK = 0o077


def opener(name: str, flags: int) -> int:
    """Open a file for `open`, and take others' rights to it away if it exists."""
    descriptor = os.open(name, flags, 0o600)
    # Another user's file keeps its mode; we could not change it.
    if os.fstat(descriptor).st_uid == os.geteuid():
        os.fchmod(descriptor, 0o600)
    return descriptor


def open_log(log: Path) -> BinaryIO:
    """Open a log to append to it."""
    return open(log, "ab", opener=opener)
