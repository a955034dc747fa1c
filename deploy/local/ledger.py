"""The ledger of a root folder: the processes started there, so that a later command stops exactly those."""

import json
import signal
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from deploy.local import private_files
from deploy.local.process import Child, Identity


@dataclass
class Ledger:
    """The content of `run.json`: each component's processes and, once all run, addresses, ports and server versions.

    The file is written at every change.
    """

    path: Path
    components: dict[str, list[Child]] = field(default_factory=dict[str, list[Child]])
    addresses: dict[str, str] = field(default_factory=dict[str, str])
    ports: dict[str, int] = field(default_factory=dict[str, int])
    up: bool = False
    versions: dict[str, str] = field(default_factory=dict[str, str])

    @classmethod
    def read(cls, path: Path) -> "Ledger":
        """Read a ledger; an absent or invalid file gives an empty one."""
        try:
            data: dict[str, Any] = json.loads(path.read_text())
            components = {name: [parse_child(entry) for entry in entries] for name, entries in data["parts"].items()}
            return cls(path, components, data["addresses"], data["ports"], data["up"], data.get("versions", {}))
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return cls(path)

    def record(self, component: str, children: Sequence[Child]) -> None:
        self.components[component] = list(children)
        self.write()

    def forget(self, component: str) -> None:
        self.components.pop(component, None)
        self.write()

    def complete(self, addresses: Mapping[str, str], ports: Mapping[str, int], versions: Mapping[str, str]) -> None:
        """Record that all components are running."""
        self.addresses = dict(addresses)
        self.ports = dict(ports)
        self.versions = dict(versions)
        self.up = True
        self.write()

    def alive(self) -> dict[str, list[Child]]:
        """Return the components that have a live process."""
        return {
            name: children for name, children in self.components.items() if any(child.alive() for child in children)
        }

    def all_alive(self) -> bool:
        return self.up and all(child.alive() for children in self.components.values() for child in children)

    def write(self) -> None:
        """Write the file atomically: after a crash it holds either the old or the new ledger."""
        entries = {
            name: [{**asdict(child.identity), "stop_signal": int(child.stop_signal)} for child in children]
            for name, children in self.components.items()
        }
        fresh = self.path.with_suffix(".new")
        document = {
            "up": self.up,
            "addresses": self.addresses,
            "ports": self.ports,
            "versions": self.versions,
            "parts": entries,
        }
        with open(fresh, "w", opener=private_files.opener) as file:
            json.dump(document, file, indent=1)
        fresh.replace(self.path)


def parse_child(entry: Mapping[str, Any]) -> Child:
    identity = Identity(int(entry["pid"]), int(entry["started"]), str(entry["boot"]))
    return Child(identity, signal.Signals(entry["stop_signal"]))
