"""The edge's command: `python -m edge` keeps Envoy's files current, `render` writes them, `validate` tries them.

Settings are environment variables: see envoy/edge/settings.py.
"""

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

from chassis import telemetry
from edge.agent import run_agent
from edge.render import render
from edge.settings import EdgeSettings
from edge.validate import run_validation


def main() -> int:
    """Run the command; return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m edge", description=__doc__)
    parser.add_argument("command", nargs="?", choices=("agent", "render", "validate"), default="agent")
    command = parser.parse_args().command
    settings = EdgeSettings()
    telemetry.set_up_logging("edge_agent", "info")
    if command == "render":
        render(settings)
        return 0
    if command == "validate":
        with tempfile.TemporaryDirectory(prefix="fairdb-edge-") as folder:
            files = render(settings.model_copy(update={"edge_dir": Path(folder)}))
            return run_validation(files.config)
    asyncio.run(run_agent(settings))
    return 0


if __name__ == "__main__":
    sys.exit(main())
