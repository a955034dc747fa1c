"""PostgreSQL: a private, durable cluster whose log contains no data.

It listens only on a Unix socket, in a folder that other users cannot enter, because the wheel's PostgreSQL is built
without TLS. docs/decisions/server-accounts.md gives the reasons.
"""

import asyncio
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from signal import SIGINT
from urllib.parse import quote, urlencode

import asyncpg

from chassis.files import write_atomically
from deploy.local import binaries, private_files, privileges, sockets, users
from deploy.local.credentials import Credentials
from deploy.local.database import SUPERUSER
from deploy.local.layout import Layout
from deploy.local.process import Command
from deploy.local.servers import plain_environment

# Part of the name of the socket.
PORT = 5432
ACCESS = """\
# Written at each start. There is no other way in.
local all all scram-sha-256
"""
SETTINGS = {
    "listen_addresses": "",
    "port": str(PORT),
    # A 201 response promises durable storage, which needs both of these.
    "fsync": "on",
    "synchronous_commit": "on",
    "max_connections": "200",
    "shared_buffers": "64MB",
    "jit": "off",
    # The log must not contain data from clients: no statements, no parameters, no DETAIL of an error.
    "log_statement": "none",
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
    "log_min_duration_statement": "-1",
    "log_timezone": "UTC",
    "lc_messages": "C",
}


class InitdbFailed(Exception):
    """PostgreSQL's initdb failed; the log contains the reason."""


@dataclass(frozen=True)
class Postgres:
    layout: Layout
    credentials: Credentials
    name: str = "postgres"
    ports: tuple[str, ...] = ()

    @property
    def url(self) -> str:
        """The superuser's URL, used only to create the database and the roles."""
        password = self.credentials.password("postgres")
        where = urlencode({"host": self.sockets, "port": PORT}, quote_via=quote, safe="")
        return f"postgresql://{SUPERUSER}:{password}@/postgres?{where}"

    @property
    def sockets(self) -> Path:
        """The folder of its Unix socket."""
        return sockets.folder_below(self.layout.state(self.name))

    @property
    def data(self) -> Path:
        return self.layout.state(self.name) / "data"

    async def prepare(self) -> None:
        if not (self.data / "PG_VERSION").exists():
            await asyncio.to_thread(self.initialise)
        self.programs()  # fails before anything changes, if the release that created the data is missing
        # Replace the rules of a cluster that an earlier release created.
        write_atomically(self.data / "pg_hba.conf", ACCESS, mode=0o600)
        account = self.account()
        if account is not None:
            # Another user may have created the cluster.
            users.chown(account, self.layout.state(self.name))
        sockets.create(self.sockets, account)

    def initialise(self) -> None:
        """Create the cluster in a temporary folder and rename it, so that a crash leaves no incomplete cluster."""
        programs = self.programs()
        state = self.layout.state(self.name)
        state.mkdir(exist_ok=True)
        # A user with a name, which initdb requires.
        account = self.named_account()
        fresh = state / "fresh"
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(mode=0o700)
        secret = state / "superuser"
        write_atomically(secret, self.credentials.password("postgres"), mode=0o600)
        if account is not None:
            users.chown(account, state)
        argv = [
            *privileges.prefix(None, account),
            *(str(programs / "initdb"), "-D", str(fresh), "-U", SUPERUSER, f"--pwfile={secret}"),
            *("--auth=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8", "--no-instructions"),
        ]
        with private_files.open_log(self.layout.log(self.name)) as log:
            done = subprocess.run(argv, cwd=state, env=plain_environment(state), stdout=log, stderr=log, check=False)
        secret.unlink()
        if done.returncode != 0:
            raise InitdbFailed(f"initdb exited with code {done.returncode}")
        fresh.rename(self.data)

    def programs(self) -> Path:
        """Return the folder of the programs; existing data requires the release that created it."""
        version = self.data / "PG_VERSION"
        return binaries.postgres(int(version.read_text()) if version.exists() else None)

    def account(self) -> privileges.Account | None:
        return self.credentials.users.account(self.name) or self.named_account()

    def named_account(self) -> privileges.Account | None:
        return privileges.unprivileged(self.data, self.programs() / "postgres")

    def commands(self) -> list[Command]:
        programs = self.programs()
        state = self.layout.state(self.name)
        # Without the quotes, spaces around the folder's name would be dropped.
        folder = str(self.sockets).replace('"', '""')
        settings = {**SETTINGS, "unix_socket_directories": f'"{folder}"'}
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        return [
            Command(
                (str(programs / "postgres"), "-D", str(self.data), *options),
                plain_environment(state),
                state,
                self.layout.log(self.name),
                # "Fast" shutdown: SIGTERM would wait until all clients have disconnected.
                stop_signal=SIGINT,
                # "Immediate" shutdown: recovers at the next start as after a crash, but releases shared memory.
                death_signal="QUIT",
                account=self.account(),
            )
        ]

    async def ready(self) -> bool:
        try:
            connection = await asyncpg.connect(self.url, timeout=5)
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
            return False
        await connection.close()
        return True
