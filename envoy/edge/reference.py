"""envoy/envoy.yaml: the configuration of a default start, committed for readers."""

import difflib
from pathlib import Path

from edge.render import render_config
from edge.settings import EdgeSettings

REFERENCE = Path(__file__).parents[1] / "envoy.yaml"


def write_reference() -> None:
    """Replace envoy/envoy.yaml by the current configuration."""
    REFERENCE.write_text(_current(), encoding="utf-8")


def find_drift() -> str:
    """Return how envoy/envoy.yaml differs from the current configuration, as a unified diff; "" when it does not."""
    committed = REFERENCE.read_text(encoding="utf-8") if REFERENCE.exists() else ""
    lines = committed.splitlines(keepends=True), _current().splitlines(keepends=True)
    return "".join(difflib.unified_diff(*lines, "envoy/envoy.yaml", "what the edge renders now", n=2))


def _current() -> str:
    # Use the default settings and ignore this process's environment.
    return render_config(EdgeSettings.model_construct())
