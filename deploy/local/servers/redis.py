"""Redis: only a cache, so it writes nothing to disk.

Each service has an account that can run only the commands it needs, on the keys of revocations.
"""

from dataclasses import dataclass

from redis.asyncio import Redis as Client
from redis.exceptions import RedisError

from chassis.files import write_atomically
from chassis.identity.revocation import revoked_key
from deploy.local import binaries
from deploy.local.credentials import Credentials
from deploy.local.layout import Layout
from deploy.local.ports import LOOPBACK, Ports
from deploy.local.process import Command
from deploy.local.servers import plain_environment
from deploy.services import NAMES

CONFIGURATION = """\
bind {host}
port {port}
protected-mode yes
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
    port_numbers: Ports
    name: str = "redis"
    ports: tuple[str, ...] = ("redis",)

    def url(self, user: str) -> str:
        """Return the URL with the account of a service, or of `ADMIN`."""
        return f"redis://{user}:{self.password(user)}@{LOOPBACK}:{self.port_numbers.redis}/0"

    def password(self, user: str) -> str:
        return self.credentials.password(f"redis_{user}")

    async def prepare(self) -> None:
        folder = self.layout.state(self.name)
        folder.mkdir(exist_ok=True)
        lines = [f"user {name} on >{self.password(name)} {rights}" for name, rights in RIGHTS.items()]
        text = CONFIGURATION.format(host=LOOPBACK, port=self.port_numbers.redis, users="\n".join(lines))
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
