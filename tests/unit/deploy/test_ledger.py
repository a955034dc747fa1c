"""The ledger of a root folder."""

import json
from pathlib import Path

from deploy.local.ledger import Ledger


def test_versions_of_the_servers_are_kept(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "run.json")
    ledger.complete({"postgres": "127.0.0.1:5432"}, {"edge": 8000}, {"postgres": "18.6"})
    assert Ledger.read(ledger.path) == ledger
    assert Ledger.read(ledger.path).versions == {"postgres": "18.6"}


def test_ledger_of_an_earlier_release_is_read(tmp_path: Path) -> None:
    file = tmp_path / "run.json"
    parts = {"redis": [{"pid": 1, "started": 2, "boot": "b", "stop_signal": 15}]}
    file.write_text(json.dumps({"up": True, "addresses": {}, "ports": {}, "parts": parts}))
    assert (Ledger.read(file).up, list(Ledger.read(file).parts), Ledger.read(file).versions) == (True, ["redis"], {})
