"""Command: runs `fairdb` in a separate process, as a user does."""

import asyncio
import os
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.platform import PASSWORD


@dataclass(frozen=True)
class Ended:
    """The result of a command."""

    code: int
    output: str
    errors: str


async def run_fairdb(edge_url: str, email: str, *words: str | Path, password: str = PASSWORD, stdin: str = "") -> Ended:
    """Run `fairdb` as an account, without settings from the environment. Fails if it prints a traceback."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("FAIRDB_")}
    process = await asyncio.create_subprocess_exec(
        Path(sys.executable).with_name("fairdb"),
        *words,
        env={**env, "FAIRDB_EDGE_URL": edge_url, "FAIRDB_EMAIL": email, "FAIRDB_PASSWORD": password},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, errors = await process.communicate(stdin.encode())
    assert process.returncode is not None
    assert b"Traceback" not in output + errors, errors.decode()
    return Ended(process.returncode, output.decode(), errors.decode())
