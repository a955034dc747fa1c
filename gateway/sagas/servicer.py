"""SagaService: lets operators see sagas, and retry or cancel them."""

import json
from datetime import datetime
from uuid import UUID

import asyncpg
import grpc
import structlog

from chassis import call_context
from chassis.storage import paging
from fairdb.system.v1 import saga_service_pb2 as pb
from fairdb.system.v1 import saga_service_pb2_grpc
from gateway.sagas.definition import OPEN_STATES, Definition, Ref
from gateway.sagas.engine import Engine
from gateway.sagas.errors import SagaDefinitionUnknown, SagaNotCancellable, SagaNotFound, SagaNotParked
from gateway.sagas.operations import Operations

log = structlog.get_logger()

Context = grpc.aio.ServicerContext


class SagaServicer(saga_service_pb2_grpc.SagaServiceServicer):
    """Shows the sagas of all gateways, and moves one to this gateway when an operator acts on it."""

    def __init__(self, operations: Operations, engine: Engine) -> None:
        self._operations = operations
        self._engine = engine

    async def ListSagas(self, request: pb.ListSagasRequest, context: Context) -> pb.ListSagasResponse:
        query, size = f"sagas {request.state}", request.page_size or paging.DEFAULT_PAGE_SIZE
        rows = await self._operations.page(request.state, paging.read_token(request.page_token, query), size + 1)
        page = pb.ListSagasResponse(sagas=[self._to_message(row) for row in rows[:size]])
        if len(rows) > size:
            page.next_page_token = paging.write_token(rows[size - 1]["id"], query)
        return page

    async def GetSaga(self, request: pb.GetSagaRequest, context: Context) -> pb.Saga:
        return self._to_message(await self._get(request.id))

    async def RetrySaga(self, request: pb.RetrySagaRequest, context: Context) -> pb.Saga:
        row = await self._get(request.id)
        if not row["parked"]:
            raise SagaNotParked
        definition = self._definition_of(row)
        if row["state"] == pb.Saga.STATE_FINISHING:
            # Resume before unparking: after a crash in between, the saga is still parked and can be retried again.
            await definition.tail.resume(Ref(request.id, row["fencing_token"]))
        if not await self._operations.retry(row["id"]):
            raise SagaNotParked
        return await self._moved("saga_retried", request.id)

    async def CancelSaga(self, request: pb.CancelSagaRequest, context: Context) -> pb.Saga:
        row = await self._get(request.id)
        if row["state"] in (pb.Saga.STATE_RUNNING, pb.Saga.STATE_UNDOING):
            self._definition_of(row)
        if not await self._operations.cancel(row["id"]):
            raise SagaNotCancellable
        return await self._moved("saga_cancelled", request.id)

    async def _get(self, id: str) -> asyncpg.Record:
        row = await self._operations.get(UUID(id))
        if row is None:
            raise SagaNotFound
        return row

    def _definition_of(self, row: asyncpg.Record) -> Definition:
        """Return a saga's definition. Raises SagaDefinitionUnknown: during a rollout not every gateway has it."""
        definition = self._engine.known.get((row["definition"], row["version"]))
        if definition is None:
            raise SagaDefinitionUnknown
        return definition

    async def _moved(self, event: str, id: str) -> pb.Saga:
        log.warning(event, saga=id, actor=call_context.current().caller.actor)
        self._engine.wake()
        return self._to_message(await self._get(id))

    def _to_message(self, row: asyncpg.Record) -> pb.Saga:
        saga = pb.Saga(
            id=str(row["id"]),
            definition=row["definition"],
            version=row["version"],
            state=pb.Saga.STATE_PARKED if row["parked"] else row["state"],
            parked_state=row["state"] if row["parked"] else pb.Saga.STATE_UNSPECIFIED,
            reason=row["reason"],
            waiting=row["waiting"],
            actor=row["actor"],
            correlation_id=row["correlation_id"],
            gateway=row["address"] or str(row["owner"]),
            fencing_token=row["fencing_token"],
            refusals=row["refusals"],
        )
        saga.create_time.FromDatetime(row["created_at"])
        saga.update_time.FromDatetime(row["updated_at"])
        if row["state"] in OPEN_STATES and not row["parked"]:
            saga.due_time.FromDatetime(row["due_at"])
        notes = json.loads(row["steps"])
        definition = self._engine.known.get((row["definition"], row["version"]))
        # Without the definition, list the steps that have notes, ordered by time.
        names = definition.step_names if definition else sorted(notes, key=lambda name: notes[name]["time"])
        for name in names:
            step = saga.steps.add(name=name)
            if note := notes.get(name):
                step.outcome, step.reason = note["outcome"], note["reason"]
                step.time.FromDatetime(datetime.fromisoformat(note["time"]))
        return saga
