"""Composition root of backend_svc: settings, database, clients, servicers."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path

from pydantic import NonNegativeInt

from backend_svc.embargo import SWEEP_ENDED
from backend_svc.history.declarations import SWEEP_DECLARED
from backend_svc.lifecycle.backfill import keep_counting
from backend_svc.lifecycle.consumers import CONSUMED, SUBSCRIPTIONS
from backend_svc.lifecycle.quarantine import keep_settling
from backend_svc.lifecycle.settlement import SWEEP_SETTLED
from backend_svc.notifications.servicer import BackendNotificationServicer
from backend_svc.samples.lookup import SWEEP_KEYS
from backend_svc.servicer import BackendServicer
from chassis.events.inbox import SWEEP, Consumer
from chassis.events.outbox import start_publishing
from chassis.identity.revocation import open_revocation_list
from chassis.serving import settings
from chassis.serving.server import Application, Parts
from chassis.storage.database import MIGRATIONS, open_database
from chassis.storage.sweep import keep_sweeping

FOLDERS = (MIGRATIONS, Path(__file__).parent / "migrations")


class Settings(settings.Settings):
    """Settings of backend_svc."""

    embargo_seconds: NonNegativeInt = 300
    """Only those who oversee a sample see it until its owner has stored nothing for one to two times this long, at the
    latest after a day. With 0, everybody sees samples at once, and in which order they were stored."""


@asynccontextmanager
async def open_app(config: Settings, parts: Parts) -> AsyncIterator[Application]:
    """Open database and broker, start the consumers, and yield the servicers."""
    broker_url = config.broker_url.get_secret_value()
    revocations = open_revocation_list(config.redis_url.get_secret_value(), await parts.channel("auth_svc"))
    async with (
        revocations as revoked,
        open_database(
            config.database_url.get_secret_value(), FOLDERS, size=20, report=parts.background.report
        ) as database,
    ):
        start_publishing(parts.background, database, broker_url, mandatory=CONSUMED)
        for subscription in SUBSCRIPTIONS:
            consumer = Consumer(parts.name, broker_url, database, subscription)
            parts.background.start(f"consumer {subscription.queue}", consumer.run)
        sweeps = (SWEEP_KEYS, SWEEP_SETTLED, SWEEP_ENDED, SWEEP_DECLARED, SWEEP)
        parts.background.start("sweep", partial(keep_sweeping, database, sweeps))
        parts.background.start("settling", partial(keep_settling, database))
        parts.background.start("counting", partial(keep_counting, database))
        yield Application(
            servicers=[
                BackendServicer(database, timedelta(seconds=config.embargo_seconds)),
                BackendNotificationServicer(database),
            ],
            revocations=revoked,
            # The broker is not checked: without it, events wait in the outbox, and samples are still stored and read.
            checks={"database": database.check},
        )
