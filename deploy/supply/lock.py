"""Reads the lock files of Python packages."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from packaging.utils import canonicalize_name

_PIN = re.compile(r"^(?P<name>[\w.-]+)(?:\[[\w.,-]+\])?==(?P<version>[^\s;\\]+)")
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


@dataclass(frozen=True, order=True)
class Pin:
    """A locked package. One name may have several versions, for different Pythons or systems."""

    name: str
    version: str
    hashes: tuple[str, ...] = ()
    """SHA-256 of every file of the release that may be installed."""


def read_lock(lock: Path) -> Iterator[Pin]:
    """Yield the packages of a lock file, also those for other Pythons and systems."""
    for entry in re.split(r"\n(?=\S)", lock.read_text()):
        if pin := _PIN.match(entry):
            yield Pin(canonicalize_name(pin["name"]), pin["version"], tuple(_HASH.findall(entry)))
