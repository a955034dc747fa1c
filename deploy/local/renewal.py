"""The process `authority`, which renews certificates long before they end: `python -m deploy.local.renewal ROOT`.

It is the only running process that reads the authority's key. It also rotates the logs, because it runs as their owner.
"""

import asyncio
import os
import signal
import sys
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path

import httpx
import structlog

from chassis.background import keep_running
from chassis.serving.logs import set_up_logging
from deploy.local.authority import HOLDERS, LIFETIME, Authority
from deploy.local.credentials import Credentials
from deploy.local.layout import CHECKOUT, Layout
from deploy.local.ports import Ports
from deploy.local.process import Command
from deploy.local.rotation import LogSettings, keep_rotating
from deploy.local.servers import plain_environment
from deploy.local.servers.consul import Consul

log = structlog.get_logger()

NAME = "authority"
LIFETIME_VARIABLE = "FAIRDB_CERTIFICATE_LIFETIME"
_LOOKS = 30
"""How often the process looks, in a certificate's lifetime."""
_LONGEST_PAUSE = 60.0


@dataclass(frozen=True)
class Renewal:
    """The process as a component."""

    layout: Layout
    consul_port: int | None
    """None for an external Consul."""
    name: str = NAME
    ports: tuple[str, ...] = ()

    async def prepare(self) -> None:
        """Do nothing: the certificates exist before any component starts."""

    def commands(self) -> list[Command]:
        argv = (sys.executable, "-m", "deploy.local.renewal", str(self.layout.root))
        argv += () if self.consul_port is None else (str(self.consul_port),)
        lifetime = {name: os.environ[name] for name in (LIFETIME_VARIABLE,) if name in os.environ}
        env = plain_environment(self.layout.root) | lifetime | LogSettings().environment()
        return [Command(argv, env, CHECKOUT, self.layout.log(self.name))]

    async def ready(self) -> bool:
        # It does not listen, and nobody waits for it.
        return True


def lifetime() -> timedelta:
    """Return the lifetime of a certificate: FAIRDB_CERTIFICATE_LIFETIME in seconds, by default a day."""
    return timedelta(seconds=float(os.environ.get(LIFETIME_VARIABLE, LIFETIME.total_seconds())))


async def renew(authority: Authority, lifetime: timedelta, consul: Consul | None) -> None:
    """Renew whatever is due, until cancelled."""
    # `make certs` renews as well, and we may have ended between a renewal and its reload.
    reloaded: Path | None = None
    pause = min(_LONGEST_PAUSE, lifetime.total_seconds() / _LOOKS)
    while True:
        for holder in HOLDERS:
            try:
                if authority.due(holder, lifetime):
                    authority.issue(holder, lifetime)
                    log.info("certificate_renewed", holder=holder)
            except Exception as error:
                # A full disk, for example: the old certificate stays, and the next look tries again. The others are
                # renewed whatever it is.
                log.error("certificate_not_renewed", holder=holder, error=error)
        current = authority.folder("consul").resolve()
        if consul is not None and reloaded != current:
            try:
                await consul.reload()
                reloaded = current
            except (httpx.HTTPError, OSError) as error:
                # Consul is not running: it reads the new certificate when it starts. Or it is busy: try again.
                log.warning("certificate_not_reloaded", holder=consul.name, error=error)
        await asyncio.sleep(pause)


async def main(root: Path, consul_port: int | None = None) -> None:
    """Renew and rotate until SIGTERM or SIGINT."""
    layout = Layout(root)
    consul = None if consul_port is None else Consul(layout, Credentials(layout), Ports(consul=consul_port))
    renewing = partial(renew, Authority(layout), lifetime(), consul)
    rotating = partial(keep_rotating, layout, LogSettings())

    async def both() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(keep_running("renewal", renewing))
            group.create_task(keep_running("rotation", rotating))

    work = asyncio.ensure_future(both())
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, work.cancel)
    await asyncio.wait([work])
    if not work.cancelled():
        work.result()


if __name__ == "__main__":
    set_up_logging(NAME, "info")
    asyncio.run(main(Path(sys.argv[1]), *map(int, sys.argv[2:])))
