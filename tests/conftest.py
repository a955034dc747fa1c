"""Decides which tests may run at the same time.

`make test` runs two workers. Tests that share servers run in one worker, so that the servers start once; all other
tests go to whichever worker is free.
"""

from pathlib import Path

import pytest

HERE = Path(__file__).parent
SHARED = ("chaos/sagas", "chaos", "e2e", "integration/messaging", "integration")
"""Folders whose tests share servers. A folder comes before its parent folder."""


@pytest.hookimpl(tryfirst=True)  # xdist reads the marks in a hook of the same name
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests of each folder in `SHARED` into one group."""
    for item in items:
        folder = item.path.relative_to(HERE).parent
        group = next((name for name in SHARED if folder.is_relative_to(name)), None)
        if group is not None:
            item.add_marker(pytest.mark.xdist_group(group))
