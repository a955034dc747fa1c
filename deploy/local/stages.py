"""Stages of set-up: each is announced, runs once for the same inputs, and logs what its programs print.

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
# A line of pip's or Python's that says why, as in "OSError: …" and "ERROR: …".
REASON = re.compile(r"\b(?:\w+Error|ERROR): ")


class SetUpFailed(Exception):
    """Set-up cannot go on; the message is one line that says what to do."""


def stage(
    name: str,
    inputs: Iterable[str],
    action: Callable[[], None],
    *,
    present: list[Path],
    note: str,
    stamps: Path = STAMPS,
) -> None:
    """Do something unless its stamp says it was done from the same inputs and what it made is still there.

    The stamp of what is installed into the virtual environment lies in it, and goes with it. `note` is printed before.
    """
    stamp = stamps / f"{name}.stamp"
    wanted = hashlib.sha256("\n".join(inputs).encode()).hexdigest()
    if all(path.exists() for path in present) and stamp.exists() and stamp.read_text() == wanted:
        return
    stamp.unlink(missing_ok=True)
    print(f"set-up: {note}", flush=True)
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
    """Run a program with its output in a log; a failure becomes one line that names the log."""
    log = STAMPS / f"{name}.log"
    # protoc finds its plugins by PATH.
    env = {**os.environ, "PATH": f"{PYTHON.parent}:{os.environ.get('PATH', '')}"}
    with log.open("wb") as output:
        done = subprocess.run(
            argv, cwd=CHECKOUT, env=env, stdin=subprocess.DEVNULL, stdout=output, stderr=output, check=False
        )
    if done.returncode != 0:
        lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()] or ["no reason"]
        reason = next((line for line in reversed(lines) if REASON.search(line)), lines[-1])
        raise SetUpFailed(f"{name} failed: {reason} (all of it: {log})")


def require_own(folders: Iterable[Path]) -> None:
    """Raise SetUpFailed for a folder of somebody else, where we cannot write."""
    for folder in folders:
        if folder.exists() and not os.access(folder, os.W_OK | os.X_OK):
            raise SetUpFailed(no_permission(folder))


def no_permission(path: Path) -> str:
    """Return what to do about a file that we may not write or read."""
    # os.path.exists, unlike Path.exists, is also False where we may not look.
    existing = next(place for place in (path, *path.parents) if os.path.exists(place))  # noqa: PTH110 - see above
    uid = existing.stat().st_uid
    try:
        owner = pwd.getpwuid(uid).pw_name
    except KeyError:
        owner = f"user {uid}"
    return (
        f"no permission for {path} ({existing.name} belongs to {owner}): work in a clone of your own, or have"
        " its owner give you the whole folder"
    )
