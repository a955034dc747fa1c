"""Files that other processes read while they are replaced."""

import os
import tempfile
from pathlib import Path


def write_atomically(target: Path, content: str | bytes, mode: int = 0o644) -> None:
    """Replace a file, so that a reader sees either the old content or the new. Creates missing folders."""
    target.parent.mkdir(parents=True, exist_ok=True)
    # The temporary file is readable only by its owner until its mode is set.
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
            os.fchmod(file.fileno(), mode)
        Path(name).replace(target)
    except BaseException:
        Path(name).unlink()
        raise
