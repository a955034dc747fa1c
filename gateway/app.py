"""Puts the gateway together."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

from chassis.events.outbox import keep_publishing
from chassis.identity.revocation import connect_redis, open_revocation_list
from chassis.serving import settings
from chassis.serving.server import Application, Parts
from chassis.storage.database import MIGRATIONS, open_database
from chassis.storage.sweep import keep_sweeping
from fairdb.backend.v1.backend_service_pb2_grpc import BackendNotificationServiceStub, BackendServiceStub
from fairdb.privacy.v1.privacy_service_pb2_grpc import PrivacyServiceStub
from gateway.imports.importing import Importing
from gateway.imports.servicer import ImportServicer
from gateway.notification_servicer import NotificationServicer
from gateway.sagas.engine import Engine
from gateway.sagas.journal import SWEEPS, Journal
from gateway.sagas.servicer import SagaServicer
from gateway.sagas.timing import Timing
from gateway.samples.creation import Creation, create_sample
from gateway.samples.data_use_servicer import DataUseServicer
from gateway.samples.idempotency import Fingerprints
from gateway.samples.servicer import SampleServicer
from gateway.system.health import CRITICAL, DEGRADED, Health, Part, broker_check, service_check
from gateway.system.servicer import SystemServicer

FOLDERS = (MIGRATIONS, Path(__file__).parent / "migrations")


class Settings(settings.Settings):
    """The gateway's settings."""

    port: int = 8004
    metrics_port: int = 9104
    fingerprint_key_file: Path
    """Key of the hashes by which repeats are recognised: 32 bytes or more."""
    saga_lease_seconds: float = 6.0
    """How long a gateway may be silent before others take over its sagas."""
    saga_deadline_seconds: float = 60.0
    """After so long a saga that has not reached its pivot is undone, whatever became of its request."""
    saga_first_backoff_seconds: float = 1.0
    """The pause after a saga's step has failed for the first time."""
    saga_refusals: int = 8
    """After so many in a row the step of a saga is not tried again until a person says so."""
    imports_at_once: int = 8
    """More that come to this gateway are told to come later."""
    saga_tail_overdue_seconds: float = 900.0
    """After so long a saga whose sample is stored, but not indexed or told of, is shown as parked."""


@asynccontextmanager
async def open_app(config: Settings, parts: Parts) -> AsyncIterator[Application]:
    """Open database, broker and channels, start driving sagas, and yield the servicers."""
    redis_url, broker_url = config.redis_url.get_secret_value(), config.broker_url.get_secret_value()
    auth_channel = await parts.channel("auth_svc")
    backend_channel = await parts.channel("backend_svc")
    privacy_channel = await parts.channel("privacy_svc")
    async with (
        open_revocation_list(redis_url, auth_channel) as revocations,
        connect_redis(redis_url) as redis,
        open_database(config.database_url.get_secret_value(), FOLDERS) as database,
    ):
        privacy, backend = PrivacyServiceStub(privacy_channel), BackendServiceStub(backend_channel)
        creating = create_sample(privacy, backend)
        journal = Journal(
            database,
            f"{config.host}:{config.port}",
            lease_seconds=config.saga_lease_seconds,
            deadline_seconds=config.saga_deadline_seconds,
        )
        timing = Timing(
            first_backoff=config.saga_first_backoff_seconds,
            refusals=config.saga_refusals,
            tail_overdue=config.saga_tail_overdue_seconds,
        )
        engine = Engine(journal, [creating], timing)
        parts.start(partial(keep_publishing, database, broker_url))
        parts.start(partial(keep_sweeping, database, SWEEPS))
        parts.start(engine.keep_lease)
        parts.start(engine.run)
        health = Health(
            {
                "gateway": Part(_answer, CRITICAL),
                "auth": Part(service_check(auth_channel), DEGRADED),
                "backend": Part(service_check(backend_channel), CRITICAL),
                "privacy": Part(service_check(privacy_channel), CRITICAL),
                "database": Part(database.check, CRITICAL),
                "cache": Part(redis.ping, DEGRADED),
                "queue": Part(broker_check(broker_url), DEGRADED),
                "registry": Part(parts.registry.ping, DEGRADED),
            }
        )
        creation = Creation(engine, creating, privacy, backend)
        fingerprints = Fingerprints.load(config.fingerprint_key_file)
        samples = SampleServicer(privacy, backend, creation, fingerprints)
        importing = Importing(creation, fingerprints, revocations, at_once=config.imports_at_once)
        # Its rows end before what they work with does.
        parts.background.push_async_callback(importing.close)
        imports = ImportServicer(importing)
        data_use = DataUseServicer(privacy, backend)
        notifications = NotificationServicer(BackendNotificationServiceStub(backend_channel), privacy)
        sagas = SagaServicer(journal, engine)
        system = SystemServicer(health, parts.registry)
        yield Application(
            servicers=[samples, imports, data_use, notifications, sagas, system],
            revocations=revocations,
            # Ready from the first lease on, and then for good: while the database is away, the gateway says so itself.
            checks={"journal": journal.ready},
        )


async def _answer() -> None:
    """Who is asked answers."""
