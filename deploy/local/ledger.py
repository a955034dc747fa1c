"""The ledger of a root folder: which processes were started there, so that a later command can end exactly these."""

import json
import signal
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from deploy.local.process import Child, Identity


@dataclass
class Ledger:
    """`run.json`: each part's processes, and addresses, ports and the servers' versions once the whole is up.

    Written at every change.
    """

    path: Path
    parts: dict[str, list[Child]] = field(default_factory=dict[str, list[Child]])
    addresses: dict[str, str] = field(default_factory=dict[str, str])
    ports: dict[str, int] = field(default_factory=dict[str, int])
    up: bool = False
    versions: dict[str, str] = field(default_factory=dict[str, str])

    @classmethod
    def read(cls, path: Path) -> "Ledger":
        """Read a ledger; an absent or unreadable one is empty."""
        try:
            data: dict[str, Any] = json.loads(path.read_text())
            parts = {name: [recall(entry) for entry in entries] for name, entries in data["parts"].items()}
            return cls(path, parts, data["addresses"], data["ports"], data["up"], data.get("versions", {}))
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return cls(path)

    def record(self, part: str, children: Sequence[Child]) -> None:
        self.parts[part] = list(children)
        self.write()

    def forget(self, part: str) -> None:
        self.parts.pop(part, None)
        self.write()

    def complete(self, addresses: Mapping[str, str], ports: Mapping[str, int], versions: Mapping[str, str]) -> None:
        """Note that the whole is up."""
        self.addresses = dict(addresses)
        self.ports = dict(ports)
        self.versions = dict(versions)
        self.up = True
        self.write()

    def alive(self) -> dict[str, list[Child]]:
        """Return the parts of which a process still lives."""
        return {name: children for name, children in self.parts.items() if any(child.alive() for child in children)}

    def all_alive(self) -> bool:
        return self.up and all(child.alive() for children in self.parts.values() for child in children)

    def write(self) -> None:
        """Write atomically: a crash leaves the old or the new ledger, never half of one."""
        entries = {
            name: [{**asdict(child.identity), "stop_signal": int(child.stop_signal)} for child in children]
            for name, children in self.parts.items()
        }
        fresh = self.path.with_suffix(".new")
        document = {
            "up": self.up,
            "addresses": self.addresses,
            "ports": self.ports,
            "versions": self.versions,
            "parts": entries,
        }
        fresh.write_text(json.dumps(document, indent=1))
        fresh.replace(self.path)


def recall(entry: Mapping[str, Any]) -> Child:
    identity = Identity(int(entry["pid"]), int(entry["started"]), str(entry["boot"]))
    return Child(identity, signal.Signals(entry["stop_signal"]))
