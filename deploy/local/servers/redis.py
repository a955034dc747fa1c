"""Redis: only a cache, so it writes nothing to disk.

It listens only on a Unix socket, in a folder that other users cannot enter: see docs/decisions/server-accounts.md.
Each service has an account that can run only the commands it needs, on the keys of revocations.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from redis.asyncio import Redis as Client
from redis.exceptions import RedisError

from chassis.files import write_atomically
from chassis.identity.revocation import revoked_key
from deploy.local import binaries, sockets
from deploy.local.credentials import Credentials
from deploy.local.layout import Layout
from deploy.local.process import Command
from deploy.local.servers import plain_environment
from deploy.services import NAMES

CONFIGURATION = """\
port 0
unixsocket {socket}
unixsocketperm 777
user default off
{users}
save ""
appendonly no
maxmemory 64mb
maxmemory-policy noeviction
daemonize no
"""

ADMIN = "admin"
_READ = f"~{revoked_key('*')} -@all +ping +hello +mget"
RIGHTS = {
    **dict.fromkeys(NAMES, _READ),
    "auth_svc": f"{_READ} +exists +set +multi +exec +info",
    ADMIN: "~* +@all",
}
"""The rights of each account, in Redis's notation."""


@dataclass(frozen=True)
class Redis:
    layout: Layout
    credentials: Credentials
    name: str = "redis"
    ports: tuple[str, ...] = ()

    @property
    def socket(self) -> Path:
        return sockets.folder_below(self.layout.state(self.name)) / "redis.sock"

    def url(self, user: str) -> str:
        """Return the URL with the account of a service, or of `ADMIN`."""
        return f"unix://{user}:{self.password(user)}@{quote(str(self.socket))}?db=0"

    def password(self, user: str) -> str:
        return self.credentials.password(f"redis_{user}")

    async def prepare(self) -> None:
        folder = self.layout.state(self.name)
        folder.mkdir(exist_ok=True)
        account = self.credentials.users.account(self.name)
        sockets.create(self.socket.parent, account)
        lines = [f"user {name} on >{self.password(name)} {rights}" for name, rights in RIGHTS.items()]
        text = CONFIGURATION.format(socket=json.dumps(str(self.socket), ensure_ascii=False), users="\n".join(lines))
        # The passwords are in a file because every user on the machine can read command lines.
        write_atomically(folder / "redis.conf", text, mode=0o600)

    def commands(self) -> list[Command]:
        folder = self.layout.state(self.name)
        program = binaries.redis()
        env = {**plain_environment(folder), **binaries.libraries(program)}
        return [Command((str(program), str(folder / "redis.conf")), env, folder, self.layout.log(self.name))]

    async def ready(self) -> bool:
        client = Client.from_url(self.url(ADMIN), socket_connect_timeout=2, socket_timeout=2)
        try:
            return bool(await client.ping())
        except (RedisError, OSError):
            return False
        finally:
            await client.aclose()
