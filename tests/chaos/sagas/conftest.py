"""Starts one rig for all saga tests."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from deploy.local.ports import Ports
from tests.chaos.sagas.rig import Rig, open_rig


@pytest_asyncio.fixture(scope="package")
async def rig(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Rig]:
    async with open_rig(tmp_path_factory.mktemp("sagas"), Ports.free()) as rig:
        yield rig
