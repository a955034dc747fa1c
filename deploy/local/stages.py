"""Stages of setup: each prints a progress line, runs once for the same inputs, and logs the output of its programs.

Standard library only: this runs before a virtual environment exists.
"""

import hashlib
import os
import pwd
import re
import subprocess
from collections.abc import Callable, Iterable
from pathlib import Path

from deploy.local.binaries import CHECKOUT

FAIRDB = CHECKOUT / ".fairdb"
STAMPS = FAIRDB / "setup"
VENV = CHECKOUT / ".venv"
PYTHON = VENV / "bin" / "python"
# Matches the line of pip or Python that gives the reason, such as "OSError: …" or "ERROR: …".
REASON = re.compile(r"\b(?:\w+Error|ERROR): ")


class SetUpFailed(Exception):
    """Setup failed; the message is one line that says what to do."""


def stage(
    name: str,
    inputs: Iterable[str],
    action: Callable[[], None],
    *,
    present: list[Path],
    note: str,
    stamps: Path = STAMPS,
) -> None:
    """Print `note` and run `action`, unless its stamp matches `inputs` and every path in `present` exists.

    Stages that install into the virtual environment keep their stamps inside it, so that both are removed together.
    """
    stamp = stamps / f"{name}.stamp"
    wanted = hashlib.sha256("\n".join(inputs).encode()).hexdigest()
    if all(path.exists() for path in present) and stamp.exists() and stamp.read_text() == wanted:
        return
    stamp.unlink(missing_ok=True)
    print(f"setup: {note}", flush=True)
    action()
    stamp.write_text(wanted)


def digest(files: Iterable[Path]) -> str:
    total = hashlib.sha256()
    for file in files:
        total.update(f"{file.relative_to(CHECKOUT)}\0".encode() + file.read_bytes() + b"\0")
    return total.hexdigest()


def pip(command: str) -> list[str]:
    return [str(PYTHON), "-m", "pip", command, "--quiet", "--disable-pip-version-check", "--no-input"]


def call(name: str, argv: list[str]) -> None:
    """Run a program and log its output. Raises SetUpFailed with one line that names the log."""
    log = STAMPS / f"{name}.log"
    # protoc looks for its plugins on PATH.
    env = {**os.environ, "PATH": f"{PYTHON.parent}:{os.environ.get('PATH', '')}"}
    with log.open("wb") as output:
        done = subprocess.run(
            argv, cwd=CHECKOUT, env=env, stdin=subprocess.DEVNULL, stdout=output, stderr=output, check=False
        )
    if done.returncode != 0:
        lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()] or ["no output"]
        reason = next((line for line in reversed(lines) if REASON.search(line)), lines[-1])
        raise SetUpFailed(f"{name} failed: {reason} (full log: {log})")


def require_writable(folders: Iterable[Path]) -> None:
    """Raise SetUpFailed for a folder in which we may not write."""
    for folder in folders:
        if folder.exists() and not os.access(folder, os.W_OK | os.X_OK):
            raise SetUpFailed(permission_message(folder))


def permission_message(path: Path) -> str:
    """Return the error message for a path that we may not read or write."""
    # os.path.exists, unlike Path.exists, returns False if we may not enter the parent folder.
    existing = next(place for place in (path, *path.parents) if os.path.exists(place))  # noqa: PTH110 - see above
    uid = existing.stat().st_uid
    try:
        owner = pwd.getpwuid(uid).pw_name
    except KeyError:
        owner = f"user {uid}"
    return (
        f"permission denied for {path} ({existing.name} belongs to {owner}): use your own clone, or ask the owner to"
        " give you the whole folder"
    )
