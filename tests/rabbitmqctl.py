"""Runs Erlang expressions inside the RabbitMQ of a constellation."""

import asyncio
import subprocess
from pathlib import Path

from deploy.local.constellation import Constellation


async def evaluate(constellation: Constellation, expression: str) -> str:
    """Run an expression in the broker, and return what `rabbitmqctl eval` prints."""
    *_, server = constellation.plan.components["rabbitmq"].commands()
    argv = (str(Path(server.argv[0]).with_name("rabbitmqctl")), "eval", expression)
    done = await asyncio.to_thread(
        subprocess.run, argv, cwd=server.cwd, env=dict(server.env), capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


ALARM = "{{resource_limit, %s, node()}, []}"


async def set_alarm(constellation: Constellation, resource: str) -> None:
    """Let the broker believe that it is short of a resource: "disk" or "memory"."""
    await evaluate(constellation, f"rabbit_alarm:set_alarm({ALARM % resource}).")


async def clear_alarm(constellation: Constellation, resource: str) -> None:
    await evaluate(constellation, f"rabbit_alarm:clear_alarm({{resource_limit, {resource}, node()}}).")
