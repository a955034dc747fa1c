"""Failing undos and stuck tails: what the engine does, and what an operator can do."""

import time
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import grpc
import pytest

from fairdb.system.v1 import saga_service_pb2 as pb
from tests.chaos.sagas.rig import QUICK, Refused, Rig

# Count attempts with a sequence, because a rollback does not reset it.
FAULT = """
CREATE SEQUENCE {schema}.attempts;
GRANT ALL ON SEQUENCE {schema}.attempts TO {schema};
CREATE FUNCTION {schema}.fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF nextval('{schema}.attempts') <= {times} THEN RAISE EXCEPTION 'injected by the test'; END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER fault BEFORE {on} FOR EACH ROW WHEN ({when}) EXECUTE FUNCTION {schema}.fail();
"""
REMOVE_FAULT = "DROP TRIGGER IF EXISTS fault ON {table}; DROP FUNCTION {schema}.fail; DROP SEQUENCE {schema}.attempts"


@asynccontextmanager
async def fault(rig: Rig, table: str, event: str, when: str, times: int) -> AsyncIterator[None]:
    """Make the first `times` attempts at a change of a table fail in the database."""
    schema = table.split(".", maxsplit=1)[0]
    on = f"{event} ON {table}"
    await rig.database.execute(FAULT.format(schema=schema, on=on, when=when, times=times))
    try:
        yield
    finally:
        await rig.database.execute(REMOVE_FAULT.format(table=table, schema=schema))


def undo_fails(rig: Rig, times: int) -> AbstractAsyncContextManager[None]:
    return fault(rig, "privacy_svc.preparation", "UPDATE", "NEW.discarded AND NOT OLD.discarded", times)


async def test_undo_that_fails_three_times_is_retried_until_it_succeeds(rig: Rig) -> None:
    account = await rig.account()
    await rig.bar(account)
    async with rig.gateway() as gateway, undo_fails(rig, 3):
        with pytest.raises(Refused) as refused:
            await gateway.create(account)
        assert refused.value.reason == "CONSENT_WITHDRAWN"
        (saga,) = await rig.ended(account)
        assert await rig.database.fetchval("SELECT last_value FROM privacy_svc.attempts") == 4
    assert (saga["state"], saga["failed_step"], saga["reason"]) == (pb.Saga.STATE_UNDONE, "store", "CONSENT_WITHDRAWN")
    assert await rig.check_consistency(account) == []


async def test_undo_that_always_fails_is_parked_and_continues_after_retry(rig: Rig) -> None:
    account, admin = await rig.account(), await rig.admin()
    await rig.bar(account)
    async with rig.gateway() as gateway:
        async with undo_fails(rig, 1000):
            with pytest.raises(Refused):
                await gateway.create(account)
            await rig.ended(account)
            listed = await gateway.operate("ListSagas", pb.ListSagasRequest(state=pb.Saga.STATE_PARKED), admin)
            (parked,) = [saga for saga in listed.sagas if saga.actor == account.id]
            assert (parked.waiting, parked.reason) == ("anonymise: INTERNAL", "CONSENT_WITHDRAWN")
            shown = await gateway.operate("GetSaga", pb.GetSagaRequest(id=parked.id), admin)
            outcomes = {step.name: pb.SagaStep.Outcome.Name(step.outcome) for step in shown.steps}
            assert outcomes == {
                "validate": "OUTCOME_DONE",
                "anonymise": "OUTCOME_UNKNOWN",
                "store": "OUTCOME_FAILED",
                "index": "OUTCOME_UNSPECIFIED",
                "notify": "OUTCOME_UNSPECIFIED",
            }
        assert not shown.HasField("due_time")
        retried = await gateway.operate("RetrySaga", pb.RetrySagaRequest(id=parked.id), admin)
        assert (retried.state, retried.waiting) == (pb.Saga.STATE_UNDOING, "")
        assert retried.fencing_token > parked.fencing_token
        (saga,) = await rig.ended(account)
        assert (saga["state"], saga["reason"]) == (pb.Saga.STATE_UNDONE, "CONSENT_WITHDRAWN")
        with pytest.raises(Refused) as refused:
            await gateway.operate("RetrySaga", pb.RetrySagaRequest(id=parked.id), admin)
        assert refused.value == Refused(grpc.StatusCode.FAILED_PRECONDITION, "SAGA_NOT_PARKED")
    assert await rig.check_consistency(account) == []


async def test_saga_of_a_sample_that_is_never_indexed_is_parked_and_continues_after_retry(rig: Rig) -> None:
    account, admin = await rig.account(), await rig.admin()
    impatient = {**QUICK, "FAIRDB_SAGA_TAIL_OVERDUE_SECONDS": "1"}
    async with rig.gateway(impatient) as gateway, rig.gateway() as patient:
        async with fault(rig, "backend_svc.sample_field", "INSERT", "true", 1000):
            sample = await gateway.create(account)
            (parked,) = await rig.ended(account)
            assert (parked["state"], parked["waiting"]) == (pb.Saga.STATE_FINISHING, "index: OVERDUE")
        retried_at = time.monotonic()
        await patient.operate("RetrySaga", pb.RetrySagaRequest(id=sample.id), admin)
        (saga,) = await rig.ended(account)
        assert saga["state"] == pb.Saga.STATE_DONE
        # Without the retry, the consumer would have waited half a minute after its second failure.
        assert time.monotonic() - retried_at < 20
    assert await rig.check_consistency(account) == [sample.id]


async def test_undecided_saga_can_be_cancelled_and_is_undone(rig: Rig) -> None:
    account, admin = await rig.account(), await rig.admin()
    async with rig.gateway(lose="request StoreSample") as gateway:
        async with fault(rig, "backend_svc.settlement", "INSERT", "true", 1000):
            with pytest.raises(Refused) as refused:
                await gateway.create(account)
            # The sample may have been stored, but the request has a key, so a retry is safe.
            assert refused.value.reason == "SERVICE_UNAVAILABLE"
            (parked,) = await rig.ended(account)
            assert (parked["state"], parked["waiting"]) == (pb.Saga.STATE_RUNNING, "store: INTERNAL")
        await gateway.operate("CancelSaga", pb.CancelSagaRequest(id=str(parked["id"])), admin)
        (saga,) = await rig.ended(account)
        assert (saga["state"], saga["reason"]) == (pb.Saga.STATE_UNDONE, "CANCELLED")
    assert await rig.check_consistency(account) == []


async def test_saga_past_its_pivot_cannot_be_cancelled(rig: Rig) -> None:
    account, admin = await rig.account(), await rig.admin()
    async with rig.gateway() as gateway:
        sample = await gateway.create(account)
        await rig.ended(account)
        with pytest.raises(Refused) as refused:
            await gateway.operate("CancelSaga", pb.CancelSagaRequest(id=sample.id), admin)
        assert refused.value == Refused(grpc.StatusCode.FAILED_PRECONDITION, "SAGA_NOT_CANCELLABLE")
    assert await rig.check_consistency(account) == [sample.id]


async def test_only_administrators_may_use_the_saga_service(rig: Rig) -> None:
    account = await rig.account(consented=False)
    async with rig.gateway() as gateway:
        for method, request in (
            ("ListSagas", pb.ListSagasRequest()),
            ("GetSaga", pb.GetSagaRequest(id=account.id)),
            ("RetrySaga", pb.RetrySagaRequest(id=account.id)),
            ("CancelSaga", pb.CancelSagaRequest(id=account.id)),
        ):
            with pytest.raises(Refused) as refused:
                await gateway.operate(method, request, account)
            assert refused.value.reason == "ACCESS_DENIED"
            if method != "ListSagas":
                with pytest.raises(Refused) as refused:
                    await gateway.operate(method, request, await rig.admin())
                assert refused.value.reason == "SAGA_NOT_FOUND"
