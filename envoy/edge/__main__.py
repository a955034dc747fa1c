"""The edge's command: `python -m edge [agent | render | validate | reference | check]`.

agent (the default) keeps Envoy's files current; render writes them once; validate has Envoy check what render writes;
reference writes envoy/envoy.yaml; check fails when envoy/envoy.yaml is out of date. Settings are environment variables:
see envoy/edge/settings.py.
"""

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

from chassis.serving.logs import set_up_logging
from edge.agent import run_agent
from edge.reference import find_drift, write_reference
from edge.render import render
from edge.settings import EdgeSettings
from edge.validate import run_validation

COMMANDS = ("agent", "render", "validate", "reference", "check")


def main() -> int:
    """Run the command; return its exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m edge", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("command", nargs="?", choices=COMMANDS, default="agent")
    command = parser.parse_args().command
    set_up_logging("edge_agent", "info")
    if command == "reference":
        write_reference()
    elif command == "check":
        return check()
    elif command == "render":
        render(EdgeSettings())
    elif command == "validate":
        return validate(EdgeSettings())
    else:
        asyncio.run(run_agent(EdgeSettings()))
    return 0


def check() -> int:
    """Print how envoy/envoy.yaml is out of date; return 1 if it is."""
    drift = find_drift()
    if drift:
        print(f"{drift}\nenvoy/envoy.yaml is out of date: run `make envoy-config` and commit the result.")
    return 1 if drift else 0


def validate(settings: EdgeSettings) -> int:
    """Have Envoy check the configuration for these settings; return its exit code."""
    with tempfile.TemporaryDirectory(prefix="fairdb-edge-") as folder:
        return run_validation(render(settings.model_copy(update={"edge_dir": Path(folder)})).config)


if __name__ == "__main__":
    sys.exit(main())
