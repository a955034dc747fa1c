"""The process `authority`, which renews certificates long before they end: `python -m deploy.local.renewal ROOT`.

It is the only running process that reads the authority's key.
"""

import asyncio
import os
import signal
import sys
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import structlog

from chassis.serving.logs import set_up_logging
from deploy.local.authority import HOLDERS, LIFETIME, Authority
from deploy.local.layout import CHECKOUT, Layout
from deploy.local.process import Command
from deploy.local.servers import plain_environment

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
    name: str = NAME
    ports: tuple[str, ...] = ()

    async def prepare(self) -> None:
        """Do nothing: the certificates exist before any component starts."""

    def commands(self) -> list[Command]:
        argv = (sys.executable, "-m", "deploy.local.renewal", str(self.layout.root))
        lifetime = {name: os.environ[name] for name in (LIFETIME_VARIABLE,) if name in os.environ}
        return [Command(argv, plain_environment(self.layout.root) | lifetime, CHECKOUT, self.layout.log(self.name))]

    async def ready(self) -> bool:
        # It does not listen, and nobody waits for it.
        return True


def lifetime() -> timedelta:
    """Return the lifetime of a certificate: FAIRDB_CERTIFICATE_LIFETIME in seconds, by default a day."""
    return timedelta(seconds=float(os.environ.get(LIFETIME_VARIABLE, LIFETIME.total_seconds())))


async def renew(authority: Authority, lifetime: timedelta) -> None:
    """Renew whatever is due, until cancelled."""
    pause = min(_LONGEST_PAUSE, lifetime.total_seconds() / _LOOKS)
    while True:
        for holder in HOLDERS:
            try:
                if authority.due(holder, lifetime):
                    authority.issue(holder, lifetime)
                    log.info("certificate_renewed", holder=holder)
            except OSError as error:
                # A full disk: the old certificate stays, and the next look tries again.
                log.error("certificate_not_renewed", holder=holder, error=error)
        await asyncio.sleep(pause)


async def main(root: Path) -> None:
    """Renew until SIGTERM or SIGINT."""
    work = asyncio.ensure_future(renew(Authority(Layout(root)), lifetime()))
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, work.cancel)
    await asyncio.wait([work])
    if not work.cancelled():
        work.result()


if __name__ == "__main__":
    set_up_logging(NAME, "info")
    asyncio.run(main(Path(sys.argv[1])))
