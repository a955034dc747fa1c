"""Which tests may run at the same time, and what all folders share.

`make test` runs two workers. Tests that share servers run in one worker, so that the servers start once. Other test
files go to whichever worker is free.
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

SHARED = ("tests/chaos/sagas", "tests/chaos", "tests/e2e", "tests/integration/messaging", "tests/integration")
"""Folders whose tests share servers, each before the folder that contains it."""
ALONE = ("tests/e2e/test_bench.py",)
"""Files in those folders that start their own servers."""


class SharedServersScheduling(LoadScopeScheduling):
    """Sends the tests of one folder in `SHARED`, or of one file elsewhere, to one worker."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        folder = PurePosixPath(file).parent
        shared = (name for name in SHARED if file not in ALONE and folder.is_relative_to(name))
        return next(shared, file)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Any:
    """Return the scheduler of `pytest --numprocesses`."""
    return SharedServersScheduling(config, log)


@pytest.fixture(scope="module")
def open_folder() -> Iterator[Path]:
    """Yield a folder that other users can enter, unlike pytest's."""
    with tempfile.TemporaryDirectory(prefix="fairdb-users-") as name:
        Path(name).chmod(0o755)
        yield Path(name)
