"""Quarantine: requests backend_svc to quarantine the samples of withdrawn consents, and retries until that is done."""

import asyncio
from typing import TYPE_CHECKING
from uuid import UUID

import structlog

from chassis.errors import AppError, ServiceUnavailable
from chassis.storage.database import Database
from fairdb.backend.v1.backend_service_pb2 import QuarantineRequest

log = structlog.get_logger()

if TYPE_CHECKING:
    from fairdb.backend.v1.backend_service_pb2_grpc import BackendServiceAsyncStub

_RETRY_SECONDS = 2.0

PENDING = """
SELECT id, withdrawn_by FROM consent WHERE withdrawn_at IS NOT NULL AND quarantined_at IS NULL
ORDER BY withdrawn_at LIMIT 100
"""
SET_DONE = "UPDATE consent SET quarantined_at = now() WHERE id = $1 AND quarantined_at IS NULL"


class Quarantine:
    """Forwards withdrawals to backend_svc."""

    def __init__(self, database: Database, backend: "BackendServiceAsyncStub") -> None:
        self._database = database
        self._backend = backend

    async def forward(self, consent_id: UUID, actor: UUID) -> None:
        """Quarantine every sample that depends on a consent. Idempotent. Raises ServiceUnavailable."""
        await self._backend.Quarantine(QuarantineRequest(consent=str(consent_id), actor=str(actor)))
        await self._database.execute(SET_DONE, consent_id)

    async def run(self) -> None:
        """Retry pending quarantines until cancelled, so that the caller need not repeat a failed withdrawal."""
        await self._database.migrated()
        while True:
            try:
                pending = await self._database.fetch(PENDING)
            except ServiceUnavailable:
                pending = []
            for row in pending:
                # If one consent fails, still forward the others.
                try:
                    await self.forward(row["id"], row["withdrawn_by"])
                except AppError as error:
                    log.info("quarantine_pending", consent=str(row["id"]), error=type(error).__name__)
            await asyncio.sleep(_RETRY_SECONDS)
