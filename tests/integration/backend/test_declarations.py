"""An account declares only a few different uses in a time."""

import asyncio

import pytest
from grpc.aio import AioRpcError

from backend_svc.history.declarations import MOST_DIFFERENT
from fairdb.backend.v1 import backend_service_pb2 as pb
from fairdb.samples.v1.data_use_pb2 import IntendedUse
from fairdb.samples.v1.sample_service_pb2 import DeclaredUse
from tests.integration.backend.conftest import Backend, Refused, new_account, principal


async def declare(backend: Backend, account: str, id: str, disease: int) -> str:
    """Return the reason of a refusal, "" if there is none."""
    use = IntendedUse(diseases=[f"MONDO:{disease:07}"], account=account)
    request = pb.RecordReadingsRequest(principal=principal(account), readings={id: DeclaredUse(use=use)})
    try:
        await backend.samples.RecordReadings(request)
    except AioRpcError as error:
        return Refused.of(error).reason
    return ""


async def test_limit_holds_for_concurrent_calls(backend: Backend) -> None:
    id, account = await backend.add(new_account()), new_account()
    answers = await asyncio.gather(*(declare(backend, account, id, number) for number in range(20)))
    assert sorted(answers) == [""] * MOST_DIFFERENT + ["TOO_MANY_DECLARED_USES"] * (20 - MOST_DIFFERENT)
    actions = [action for action, actor in await backend.actions(id) if actor == account]
    assert sorted(actions) == ["read"] * MOST_DIFFERENT + ["refuse"] * (20 - MOST_DIFFERENT)


@pytest.mark.parametrize(("days", "admitted"), [(29, False), (31, True)])
async def test_declarations_count_for_thirty_days(backend: Backend, days: int, admitted: bool) -> None:
    id, account = await backend.add(new_account()), new_account()
    for number in range(MOST_DIFFERENT):
        assert await declare(backend, account, id, number) == ""
    await backend.database.execute(f"UPDATE declaration SET declared_at = now() - interval '{days} days'")
    assert await declare(backend, account, id, 0) == ""
    assert (await declare(backend, account, id, 99) == "") == admitted
