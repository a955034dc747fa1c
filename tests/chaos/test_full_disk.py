"""The disk of each component fills up under load, and later has room again: nothing is lost, and all work is done.

Each folder is a small file system of its own (tmpfs), which takes root. Only PostgreSQL may have to be started again.
"""

import asyncio
import os
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import aio_pika
import asyncpg
import httpx
import pytest
import pytest_asyncio

from chassis.events import broker
from deploy.local.constellation import Constellation
from deploy.local.ports import Ports
from deploy.services import NAMES
from tests.chaos.load import HANG, at_least, create_until, healthy, stored_samples_were_acknowledged_or_unknown
from tests.platform import Platform
from tests.waiting import eventually

pytestmark = [pytest.mark.soak, pytest.mark.timeout(900)]

MEGABYTE = 1024 * 1024
SIZES = {"postgres": 1024, "redis": 16, "rabbitmq": 256, "consul": 64, "envoy": 16, "logs": 32, "temporary": 16}
"""The size in megabytes of each folder's file system.

RabbitMQ's needs more than the 100 MB that it keeps free, and PostgreSQL's holds what all tests of this file create.
"""
FULL_SECONDS = 20.0
COUNT_OUTBOX = "SELECT count(*) FROM outbox"


@dataclass
class Disks:
    """The small file systems of a constellation, by folder."""

    root: Path

    def fill(self, folder: str) -> None:
        """Leave no byte free. Repeated calls take what was freed meanwhile."""
        block = bytes(MEGABYTE)
        with (self.root / folder / "filler").open("ab", buffering=0) as file:
            while block:
                try:
                    file.write(block)
                except OSError:
                    block = block[: len(block) // 2]

    def empty(self, folder: str) -> None:
        (self.root / folder / "filler").unlink()

    @asynccontextmanager
    async def full(self, folder: str) -> AsyncIterator[None]:
        """Keep a disk full."""

        async def keep() -> None:
            while True:
                self.fill(folder)
                await asyncio.sleep(0.2)

        self.fill(folder)
        keeping = asyncio.create_task(keep())
        try:
            yield
        finally:
            keeping.cancel()
            await asyncio.wait((keeping,))
            self.empty(folder)


@contextmanager
def mounted(root: Path) -> Iterator[Disks]:
    """Mount a file system for each folder. Fails if this machine does not permit it."""
    done: list[Path] = []
    try:
        for name, size in SIZES.items():
            folder = root / name
            folder.mkdir(parents=True)
            # Others may enter, because PostgreSQL runs as a user of its own.
            options = f"size={size}m,mode=0755"
            subprocess.run(("mount", "-t", "tmpfs", "-o", options, "fairdb-test", str(folder)), check=True)
            done.append(folder)
        yield Disks(root)
    finally:
        for folder in reversed(done):
            subprocess.run(("umount", "--lazy", str(folder)), check=True)


@pytest.fixture(scope="module")
def disks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Disks]:
    if os.geteuid() != 0:
        pytest.fail("this test mounts file systems: run it as root, in a container with CAP_SYS_ADMIN")
    with mounted(tmp_path_factory.mktemp("disks")) as disks:
        yield disks


@pytest_asyncio.fixture(scope="module")
async def constellation(disks: Disks) -> AsyncIterator[Constellation]:
    temporary = {name: {"TMPDIR": str(disks.root / "temporary")} for name in NAMES}
    async with Constellation(disks.root, Ports.free(), extra_env=temporary) as running:
        yield running


@pytest_asyncio.fixture
async def platform(constellation: Constellation) -> AsyncIterator[Platform]:
    async with httpx.AsyncClient(base_url=constellation.edge_url, timeout=HANG) as http:
        yield Platform(constellation, http)


@pytest.mark.parametrize("folder", SIZES)
async def test_full_disk_loses_nothing(platform: Platform, disks: Disks, folder: str) -> None:
    constellation = platform.constellation
    researcher = await platform.account(consented=True)
    acknowledged: list[str] = []
    stop = asyncio.Event()
    load = [asyncio.create_task(create_until(stop, researcher, acknowledged)) for _ in range(4)]
    seen: set[str] = set()
    try:
        await eventually(lambda: at_least(acknowledged, 10))
        before = len(acknowledged)
        async with disks.full(folder):
            async with asyncio.timeout(FULL_SECONDS * 2):
                for _ in range(int(FULL_SECONDS)):
                    await asyncio.sleep(1)
                    seen |= await troubles(platform)
        during = len(acknowledged) - before
        ended = [name for name in constellation.plan.components if not constellation.running(name)]
        assert set(ended) <= {"postgres"}, ended
        for name in ended:
            await constellation.start(name)
        await eventually(lambda: at_least(acknowledged, before + during + 10), within=60)
    finally:
        stop.set()
        answers = [status for statuses in await asyncio.gather(*load) for status in statuses]
    print(f"{folder}: acknowledged {before} before, {during} while full, {len(acknowledged)} in all;")
    print(f"  answers { {status: answers.count(status) for status in set(answers)} }; ended: {ended}; health: {seen}")
    assert set(answers) <= {201, 503, 504}, answers
    await eventually(lambda: healthy(platform), within=60)
    await stored_samples_were_acknowledged_or_unknown(researcher, answers)
    for sample_id in acknowledged:
        await researcher.wait_until_processed(sample_id)
    assert await eventually(lambda: nothing_waits(constellation), within=60)


async def troubles(platform: Platform) -> set[str]:
    """Return what health reports as unavailable, as "part: detail"."""
    try:
        parts = (await platform.http.get("/api/health")).json()["parts"]
    except httpx.TransportError as error:
        return {f"no answer: {type(error).__name__}"}
    return {f"{name}: {part['detail']}" for name, part in parts.items() if part["status"] != "healthy"}


async def nothing_waits(constellation: Constellation) -> bool:
    """Return whether all outboxes and queues are empty."""
    for name in NAMES:
        connection = await asyncpg.connect(constellation.env_of(name)["FAIRDB_DATABASE_URL"])
        try:
            if await connection.fetchval(COUNT_OUTBOX):
                return False
        finally:
            await connection.close()
    async with await aio_pika.connect(constellation.plan.broker_admin_url) as connection:
        channel = await connection.channel()
        for queue in ("backend_svc.index", "backend_svc.notify"):
            for name in (queue, broker.dead_name(queue), *(broker.retry_name(queue, d) for d in broker.RETRY_DELAYS)):
                declared = await channel.declare_queue(name, passive=True)
                if declared.declaration_result.message_count:
                    return False
    return True
