"""BackendService."""

from datetime import timedelta
from uuid import UUID

import grpc

from backend_svc.history import audit, event_store
from backend_svc.lifecycle import quarantine, settlement
from backend_svc.samples import search
from backend_svc.samples.lookup import Lookup
from backend_svc.samples.store import Store
from chassis.storage.database import Database
from fairdb.backend.v1 import backend_service_pb2 as pb
from fairdb.backend.v1 import backend_service_pb2_grpc

Context = grpc.aio.ServicerContext


class BackendServicer(backend_service_pb2_grpc.BackendServiceServicer):
    """Stores and finds samples."""

    def __init__(self, database: Database, embargo_step: timedelta) -> None:
        self._database = database
        self._lookup = Lookup(database)
        self._store = Store(database, self._lookup, embargo_step)

    async def StoreSample(self, request: pb.StoreSampleRequest, context: Context) -> pb.StoreSampleResponse:
        return await self._store.store(request)

    async def FindByIdempotencyKey(
        self, request: pb.FindByIdempotencyKeyRequest, context: Context
    ) -> pb.FindByIdempotencyKeyResponse:
        found = await self._lookup.find(UUID(request.principal.user_id), request.claim)
        return pb.FindByIdempotencyKeyResponse(stored=found)

    async def SettleSample(self, request: pb.SettleSampleRequest, context: Context) -> pb.SettleSampleResponse:
        stored = await settlement.settle(self._database, self._lookup, UUID(request.id), request.fencing_token)
        return pb.SettleSampleResponse(stored=stored)

    async def GetSampleStates(self, request: pb.GetSampleStatesRequest, context: Context) -> pb.GetSampleStatesResponse:
        states = await settlement.states(self._database, [UUID(id) for id in request.ids])
        return pb.GetSampleStatesResponse(states=states)

    async def ResumeSample(self, request: pb.ResumeSampleRequest, context: Context) -> pb.ResumeSampleResponse:
        await settlement.resume(self._database, UUID(request.id))
        return pb.ResumeSampleResponse()

    async def GetStoredSample(self, request: pb.GetStoredSampleRequest, context: Context) -> pb.StoredSample:
        return await self._lookup.get(UUID(request.id))

    async def ListStoredSamples(
        self, request: pb.ListStoredSamplesRequest, context: Context
    ) -> pb.ListStoredSamplesResponse:
        return await search.list_samples(self._database, request)

    async def ListEvents(self, request: pb.ListEventsRequest, context: Context) -> pb.ListEventsResponse:
        return pb.ListEventsResponse(events=await event_store.list_events(self._database, UUID(request.subject)))

    async def ListAuditEntries(
        self, request: pb.ListAuditEntriesRequest, context: Context
    ) -> pb.ListAuditEntriesResponse:
        return await audit.list_entries(self._database, request)

    async def RecordReadings(self, request: pb.RecordReadingsRequest, context: Context) -> pb.RecordReadingsResponse:
        action = "match" if request.only_matched else "read"
        await audit.write_readings(self._database, request.principal.user_id, request.readings, action)
        return pb.RecordReadingsResponse()

    async def Quarantine(self, request: pb.QuarantineRequest, context: Context) -> pb.QuarantineResponse:
        count = await quarantine.quarantine(self._database, UUID(request.consent), request.actor)
        return pb.QuarantineResponse(sample_count=count)
