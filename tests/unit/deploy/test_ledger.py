"""The ledger of a root folder."""

import json
from pathlib import Path

from deploy.local.ledger import Ledger


def test_server_versions_are_stored(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "run.json")
    ledger.complete({"postgres": "127.0.0.1:5432"}, {"edge": 8000}, {"postgres": "18.6"})
    assert Ledger.read(ledger.path) == ledger
    assert Ledger.read(ledger.path).versions == {"postgres": "18.6"}


def test_ledger_without_versions_can_be_read(tmp_path: Path) -> None:
    file = tmp_path / "run.json"
    entries = {"redis": [{"pid": 1, "started": 2, "boot": "b", "stop_signal": 15}]}
    file.write_text(json.dumps({"up": True, "addresses": {}, "ports": {}, "parts": entries}))
    assert (Ledger.read(file).up, list(Ledger.read(file).components), Ledger.read(file).versions) == (
        True,
        ["redis"],
        {},
    )
