"""Puts backend_svc together."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

from backend_svc.consumers import SUBSCRIPTIONS
from backend_svc.notification_servicer import BackendNotificationServicer
from backend_svc.quarantine import keep_settling
from backend_svc.samples import SWEEP_KEYS
from backend_svc.servicer import BackendServicer
from chassis import settings
from chassis.broker import Publisher
from chassis.database import MIGRATIONS, Database, open_database
from chassis.errors import ServiceUnavailable
from chassis.inbox import SWEEP, Consumer
from chassis.outbox import Relay
from chassis.revocation import open_revocation_list
from chassis.server import Application, Parts
from chassis.telemetry import log
from fairdb.backend.v1 import backend_service_pb2, backend_service_pb2_grpc

FOLDERS = (MIGRATIONS, Path(__file__).parent / "migrations")
_SWEEP_SECONDS = 600.0


class Settings(settings.Settings):
    """backend_svc's settings; it has none of its own."""

    port: int = 8002
    metrics_port: int = 9102


@asynccontextmanager
async def open_app(config: Settings, parts: Parts) -> AsyncIterator[Application]:
    """Open database and broker, start the consumers, and yield the servicers."""
    broker_url = config.broker_url.get_secret_value()
    revocations = open_revocation_list(config.redis_url.get_secret_value(), await parts.channel("auth_svc"))
    async with (
        revocations as revoked,
        open_database(config.database_url.get_secret_value(), FOLDERS, size=20) as database,
    ):
        publisher = Publisher(broker_url)
        parts.start(publisher.run)
        parts.start(Relay(database, publisher).run)
        for subscription in SUBSCRIPTIONS:
            parts.start(Consumer(parts.name, broker_url, database, subscription).run)
        parts.start(partial(_sweep, database))
        parts.start(partial(keep_settling, database))
        samples = BackendServicer(database)
        notifications = BackendNotificationServicer(database)
        yield Application(
            servicers=[
                (
                    backend_service_pb2.DESCRIPTOR.services_by_name["BackendService"],
                    partial(backend_service_pb2_grpc.add_BackendServiceServicer_to_server, samples),
                ),
                (
                    backend_service_pb2.DESCRIPTOR.services_by_name["BackendNotificationService"],
                    partial(backend_service_pb2_grpc.add_BackendNotificationServiceServicer_to_server, notifications),
                ),
            ],
            revocations=revoked,
            # Not the broker: while it is away events wait in the outbox, and samples are stored and read all the same.
            checks={"database": database.check},
        )


async def _sweep(database: Database) -> None:
    """Forget idempotency keys and inbox rows that no longer count, until cancelled."""
    await database.migrated()
    while True:
        try:
            await database.execute(SWEEP_KEYS)
            await database.execute(SWEEP)
        except ServiceUnavailable as error:
            log.info("sweep_waits", error=type(error).__name__)
        await asyncio.sleep(_SWEEP_SECONDS)
