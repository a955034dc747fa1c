"""One constellation on free ports for all tests in this folder."""

from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio

from deploy.local.constellation import Constellation
from deploy.local.ports import Ports
from deploy.services import NAMES
from tests.platform import Platform


@pytest_asyncio.fixture(scope="session")
async def constellation(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Constellation]:
    # Spans go to the logs, where the canary test searches for personal data.
    tracing = {service: {"OTEL_TRACES_EXPORTER": "console", "OTEL_BSP_SCHEDULE_DELAY": "100"} for service in NAMES}
    tracing["backend_svc"]["FAIRDB_EMBARGO_SECONDS"] = "0"
    async with Constellation(tmp_path_factory.mktemp("e2e"), Ports.free(), extra_env=tracing) as running:
        yield running


@pytest_asyncio.fixture
async def platform(constellation: Constellation) -> AsyncIterator[Platform]:
    async with httpx.AsyncClient(base_url=constellation.edge_url, timeout=60) as http:
        yield Platform(constellation, http)
