"""Tells backend_svc of withdrawn consents: at once, and again until it has heard."""

import asyncio
from typing import TYPE_CHECKING
from uuid import UUID

from chassis.errors import AppError, ServiceUnavailable
from chassis.storage.database import Database
from chassis.telemetry import log
from fairdb.backend.v1.backend_service_pb2 import QuarantineRequest
from privacy_svc.consent import consents

if TYPE_CHECKING:
    from fairdb.backend.v1.backend_service_pb2_grpc import BackendServiceAsyncStub


_RETRY_SECONDS = 2.0


class Quarantine:
    """Carries withdrawals to backend_svc."""

    def __init__(self, database: Database, backend: "BackendServiceAsyncStub") -> None:
        self._database = database
        self._backend = backend

    async def carry(self, consent_id: UUID, actor: UUID) -> None:
        """Have everything that rests on a consent quarantined. Raises ServiceUnavailable."""
        await self._backend.Quarantine(QuarantineRequest(consent=str(consent_id), actor=str(actor)))
        await self._database.execute(consents.QUARANTINED, consent_id)

    async def run(self) -> None:
        """Carry what a call could not, until cancelled: whoever withdrew need not come back for it."""
        await self._database.migrated()
        while True:
            try:
                waiting = await self._database.fetch(consents.TO_QUARANTINE)
            except ServiceUnavailable:
                waiting = []
            for row in waiting:
                # Each for itself: one that cannot be carried holds up no other.
                try:
                    await self.carry(row["id"], row["withdrawn_by"])
                except AppError as error:
                    log.info("quarantine_waits", consent=str(row["id"]), error=type(error).__name__)
            await asyncio.sleep(_RETRY_SECONDS)
