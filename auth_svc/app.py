"""Composition root of auth_svc: settings, database, clients, servicers."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Annotated

from pydantic import Field

from auth_svc.revocations import SWEEP_REVOCATIONS, Mirror
from auth_svc.servicer import AuthServicer, RevocationServicer
from auth_svc.sessions import SWEEP_SESSIONS
from auth_svc.throttle import Throttle
from chassis.events.outbox import start_publishing
from chassis.identity.revocation import RevocationList, connect_redis
from chassis.serving import settings
from chassis.serving.server import Application, Parts
from chassis.storage.database import MIGRATIONS, open_database
from chassis.storage.sweep import keep_sweeping

FOLDERS = (MIGRATIONS, Path(__file__).parent / "migrations")


class Settings(settings.Settings):
    """Settings of auth_svc."""

    registrations: Annotated[int, Field(gt=0)] = 200
    """Accounts that can be registered from one address at once; after that, one every 5 seconds."""


@asynccontextmanager
async def open_app(config: Settings, parts: Parts) -> AsyncIterator[Application]:
    """Open database, Redis and broker, and yield the servicers."""
    redis = connect_redis(config.redis_url.get_secret_value())
    async with (
        redis,
        open_database(config.database_url.get_secret_value(), FOLDERS, report=parts.background.report) as database,
    ):
        mirror = Mirror(database, redis)
        throttle = Throttle(registrations=config.registrations)
        start_publishing(parts.background, database, config.broker_url.get_secret_value())
        parts.background.start("mirror of revocations", mirror.run)
        parts.background.start("sweep", partial(keep_sweeping, database, (SWEEP_REVOCATIONS, SWEEP_SESSIONS)))
        yield Application(
            servicers=[AuthServicer(database, parts.signer, parts.trust, mirror, throttle), RevocationServicer(mirror)],
            revocations=RevocationList(redis, mirror.is_revoked),
            checks={"database": database.check},
        )
