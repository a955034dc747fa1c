"""Redis: only a cache, so it writes nothing to disk."""

from dataclasses import dataclass

from redis.asyncio import Redis as Client
from redis.exceptions import RedisError

from chassis.files import write_atomically
from deploy.local import binaries
from deploy.local.credentials import Credentials
from deploy.local.layout import Layout
from deploy.local.ports import LOOPBACK, Ports
from deploy.local.process import Command
from deploy.local.servers import plain_environment

CONFIGURATION = """\
bind {host}
port {port}
protected-mode yes
requirepass {password}
save ""
appendonly no
maxmemory 64mb
maxmemory-policy noeviction
daemonize no
"""


@dataclass(frozen=True)
class Redis:
    layout: Layout
    credentials: Credentials
    port_numbers: Ports
    name: str = "redis"
    ports: tuple[str, ...] = ("redis",)

    @property
    def url(self) -> str:
        return f"redis://:{self.credentials.password('redis')}@{LOOPBACK}:{self.port_numbers.redis}/0"

    async def prepare(self) -> None:
        folder = self.layout.state(self.name)
        folder.mkdir(exist_ok=True)
        text = CONFIGURATION.format(
            host=LOOPBACK,
            port=self.port_numbers.redis,
            password=self.credentials.password("redis"),
        )
        # The password is in a file because every user on the machine can read command lines.
        write_atomically(folder / "redis.conf", text, mode=0o600)

    def commands(self) -> list[Command]:
        folder = self.layout.state(self.name)
        program = binaries.redis()
        env = {**plain_environment(folder), **binaries.libraries(program)}
        return [Command((str(program), str(folder / "redis.conf")), env, folder, self.layout.log(self.name))]

    async def ready(self) -> bool:
        client = Client.from_url(self.url, socket_connect_timeout=2, socket_timeout=2)
        try:
            return bool(await client.ping())
        except (RedisError, OSError):
            return False
        finally:
            await client.aclose()
