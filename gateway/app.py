"""Puts the gateway together."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import asyncpg

from chassis import settings
from chassis.revocation import connect_redis, open_revocation_list
from chassis.server import Application, Parts
from fairdb.backend.v1.backend_service_pb2_grpc import BackendNotificationServiceStub, BackendServiceStub
from fairdb.privacy.v1.privacy_service_pb2_grpc import PrivacyServiceStub
from fairdb.samples.v1 import (
    notification_service_pb2,
    notification_service_pb2_grpc,
    sample_service_pb2,
    sample_service_pb2_grpc,
)
from fairdb.system.v1 import system_service_pb2, system_service_pb2_grpc
from gateway.health import CRITICAL, DEGRADED, Health, Part, broker_check, database_check, service_check
from gateway.idempotency import Fingerprints
from gateway.notification_servicer import NotificationServicer
from gateway.sample_servicer import SampleServicer
from gateway.system_servicer import SystemServicer


class Settings(settings.Settings):
    """The gateway's settings."""

    port: int = 8004
    metrics_port: int = 9104
    fingerprint_key_file: Path
    """Key of the hashes by which repeats are recognised: 32 bytes or more."""


@asynccontextmanager
async def open_app(config: Settings, parts: Parts) -> AsyncIterator[Application]:
    """Open the channels and what health asks, and yield the servicers."""
    redis_url, broker_url = config.redis_url.get_secret_value(), config.broker_url.get_secret_value()
    auth_channel = await parts.channel("auth_svc")
    backend_channel = await parts.channel("backend_svc")
    privacy_channel = await parts.channel("privacy_svc")
    pool = await asyncpg.create_pool(config.database_url.get_secret_value(), min_size=0, max_size=2, timeout=2.0)
    parts.background.callback(pool.terminate)
    async with open_revocation_list(redis_url, auth_channel) as revocations, connect_redis(redis_url) as redis:
        health = Health(
            {
                "gateway": Part(_answer, CRITICAL),
                "auth": Part(service_check(auth_channel), DEGRADED),
                "backend": Part(service_check(backend_channel), CRITICAL),
                "privacy": Part(service_check(privacy_channel), CRITICAL),
                "database": Part(database_check(pool), CRITICAL),
                "cache": Part(redis.ping, DEGRADED),
                "queue": Part(broker_check(broker_url), DEGRADED),
                "registry": Part(parts.registry.ping, DEGRADED),
            }
        )
        samples = SampleServicer(
            PrivacyServiceStub(privacy_channel),
            BackendServiceStub(backend_channel),
            Fingerprints.load(config.fingerprint_key_file),
        )
        notifications = NotificationServicer(BackendNotificationServiceStub(backend_channel))
        system = SystemServicer(health, parts.registry)
        yield Application(
            servicers=[
                (
                    sample_service_pb2.DESCRIPTOR.services_by_name["SampleService"],
                    partial(sample_service_pb2_grpc.add_SampleServiceServicer_to_server, samples),
                ),
                (
                    notification_service_pb2.DESCRIPTOR.services_by_name["NotificationService"],
                    partial(notification_service_pb2_grpc.add_NotificationServiceServicer_to_server, notifications),
                ),
                (
                    system_service_pb2.DESCRIPTOR.services_by_name["SystemService"],
                    partial(system_service_pb2_grpc.add_SystemServiceServicer_to_server, system),
                ),
            ],
            revocations=revocations,
            checks={},
        )


async def _answer() -> None:
    """Who is asked answers."""
