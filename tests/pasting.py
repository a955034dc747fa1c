"""Pastes the code blocks of a page into a shell, as a reader does."""

import asyncio
import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path

from deploy.local.layout import CHECKOUT


def read_blocks(page: str, language: str = "sh") -> str:
    """Return all code blocks of one language on a page, joined in order. Blocks inside list items are dedented."""
    text = (CHECKOUT / page).read_text()
    blocks = re.findall(rf"^( *)```{language}\n(.*?)^\1```$", text, re.DOTALL | re.MULTILINE)
    assert blocks, f"{page} has no {language} block"
    return "".join(re.sub(rf"^{indent}", "", block, flags=re.MULTILINE) for indent, block in blocks)


async def paste(script: str, env: Mapping[str, str] | None = None, stdin: str = "") -> str:
    """Run a shell script in the checkout and return its output. A failure, or any output on stderr, fails the test."""
    return await _run(["bash", "-euo", "pipefail", "-c", script], env or {}, stdin)


async def paste_python(script: str, env: Mapping[str, str] | None = None) -> str:
    """Run a Python script as `paste` runs a shell script."""
    return await _run([sys.executable, "-c", script], env or {}, "")


async def _run(argv: list[str], env: Mapping[str, str], stdin: str) -> str:
    process = await asyncio.create_subprocess_exec(
        *argv,
        cwd=CHECKOUT,
        env={**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", **env},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, errors = await process.communicate(stdin.encode())
    assert (process.returncode, errors.decode()) == (0, "")
    return output.decode()
