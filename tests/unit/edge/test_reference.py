"""envoy/envoy.yaml is what the edge renders with default settings."""

import pytest
import yaml

from edge import reference
from edge.__main__ import check
from edge.reference import REFERENCE, find_drift
from edge.render import make_config
from edge.settings import EdgeSettings


def test_committed_configuration_is_current() -> None:
    drift = find_drift()
    assert not drift, f"run `make envoy-config`\n{drift}"


def test_committed_configuration_reads_as_what_the_edge_builds() -> None:
    assert yaml.safe_load(REFERENCE.read_text()) == make_config(EdgeSettings.model_construct())


def test_environment_does_not_change_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAIRDB_EDGE_PORT", "18000")
    assert not find_drift()


def test_check_shows_the_difference_and_the_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path
) -> None:
    changed = tmp_path / "envoy.yaml"
    changed.write_text(REFERENCE.read_text().replace("port_value: 8000", "port_value: 8080"))
    monkeypatch.setattr(reference, "REFERENCE", changed)
    assert check() == 1
    printed = capsys.readouterr().out
    assert "port_value: 8080" in printed
    assert "make envoy-config" in printed
