"""Composition root of the gateway: builds and connects its objects."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

from chassis.events.outbox import start_publishing
from chassis.identity.revocation import connect_redis, open_revocation_list
from chassis.serving.server import Application, Parts
from chassis.storage.database import MIGRATIONS, Database, open_database
from chassis.storage.sweep import keep_sweeping
from fairdatabase.policy.records.anonymisation import Anonymiser
from fairdatabase.policy.records.search_terms import SearchTerms
from fairdatabase.policy.tables.reader import load_policy
from fairdb.backend.v1.backend_service_pb2_grpc import BackendNotificationServiceStub, BackendServiceStub
from fairdb.privacy.v1.privacy_service_pb2_grpc import PrivacyServiceStub
from gateway.imports.importing import Importing
from gateway.imports.servicer import ImportServicer
from gateway.notification_servicer import NotificationServicer
from gateway.sagas.definition import Definition
from gateway.sagas.engine import Engine
from gateway.sagas.journal import Journal
from gateway.sagas.lease import Lease
from gateway.sagas.operations import Operations
from gateway.sagas.queries import SWEEPS
from gateway.sagas.servicer import SagaServicer
from gateway.sagas.timing import Timing
from gateway.samples.creation import Creation, create_sample
from gateway.samples.data_use_servicer import DataUseServicer
from gateway.samples.idempotency import Fingerprints
from gateway.samples.servicer import SampleServicer
from gateway.settings import Settings
from gateway.system.checks import (
    broker_check,
    cache_check,
    database_check,
    registry_check,
    self_check,
    service_check,
)
from gateway.system.health import CRITICAL, DEGRADED, Health, Part
from gateway.system.servicer import SystemServicer

FOLDERS = (MIGRATIONS, Path(__file__).parent / "migrations")


@asynccontextmanager
async def open_app(config: Settings, parts: Parts) -> AsyncIterator[Application]:
    """Open the channels, Redis and the database, start the saga engine, and yield the servicers."""
    redis_url = config.redis_url.get_secret_value()
    auth_channel = await parts.channel("auth_svc")
    backend_channel = await parts.channel("backend_svc")
    privacy_channel = await parts.channel("privacy_svc")
    async with (
        open_revocation_list(redis_url, auth_channel) as revocations,
        connect_redis(redis_url) as redis,
        open_database(config.database_url.get_secret_value(), FOLDERS, report=parts.background.report) as database,
    ):
        publisher = start_publishing(parts.background, database, config.broker_url.get_secret_value())
        parts.background.start("sweep", partial(keep_sweeping, database, SWEEPS))
        privacy, backend = PrivacyServiceStub(privacy_channel), BackendServiceStub(backend_channel)
        creating = create_sample(privacy, backend)
        lease = Lease(database, f"{config.host}:{config.port}", seconds=config.saga_lease_seconds)
        engine = _start_engine(config, parts, database, lease, creating)
        policy = load_policy()
        creation = Creation(engine, creating, privacy, backend)
        fingerprints = Fingerprints.load(config.fingerprint_key_file)
        importing = Importing(creation, fingerprints, revocations, Anonymiser(policy), at_once=config.imports_at_once)
        # Registered last and so closed first: imports must finish their rows before the engine stops.
        parts.closing.push_async_callback(importing.close)
        health = Health(
            {
                "gateway": Part(self_check(parts.background), CRITICAL),
                "auth": Part(service_check(auth_channel), DEGRADED),
                "backend": Part(service_check(backend_channel), CRITICAL),
                "privacy": Part(service_check(privacy_channel), CRITICAL),
                "database": Part(database_check(database), CRITICAL),
                "cache": Part(cache_check(redis), DEGRADED),
                "queue": Part(broker_check(publisher), DEGRADED),
                "registry": Part(registry_check(parts.registry), DEGRADED),
            }
        )
        yield Application(
            servicers=[
                SampleServicer(privacy, backend, creation, fingerprints, SearchTerms(policy)),
                ImportServicer(importing),
                DataUseServicer(privacy, backend),
                NotificationServicer(BackendNotificationServiceStub(backend_channel), privacy),
                SagaServicer(Operations(database, lease), engine),
                SystemServicer(health, parts.registry),
            ],
            revocations=revocations,
            # Readiness does not depend on the database: during an outage each call returns an error that says so.
            checks={"lease": lease.check_acquired},
        )


def _start_engine(config: Settings, parts: Parts, database: Database, lease: Lease, creating: Definition) -> Engine:
    """Start the lease (the claim of this gateway on its sagas) and the engine. The lease ends after the engine."""
    journal = Journal(database, lease, deadline_seconds=config.saga_deadline_seconds)
    timing = Timing(
        first_backoff=config.saga_first_backoff_seconds,
        refusals=config.saga_refusals,
        tail_overdue=config.saga_tail_overdue_seconds,
    )
    engine = Engine(journal, [creating], timing)
    parts.background.start("lease", lease.keep)
    parts.closing.push_async_callback(engine.close)
    parts.background.start("recovery of sagas", engine.recover)
    parts.background.start("tails of sagas", engine.check_tails)
    return engine
