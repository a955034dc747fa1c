"""Imports over gRPC, as Python clients make them."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import grpc
import pytest

from fairdatabase.client import connect
from fairdb.samples.v1 import import_service_pb2 as pb
from fairdb.samples.v1.import_service_pb2_grpc import ImportServiceStub
from fairdb.samples.v1.sample_pb2 import RawSample
from tests.e2e.importing import stored_ids
from tests.platform import Account, Platform


def row(age: int, organism: str = "", **fields: str) -> pb.ImportRow:
    built = pb.ImportRow(sample=RawSample(organism=organism), **fields)
    built.sample.metadata["age"].number_value = age
    return built


async def messages(rows: Sequence[pb.ImportRow]) -> AsyncIterator[pb.ImportSamplesRequest]:
    for start in range(0, len(rows), 70):
        yield pb.ImportSamplesRequest(rows=rows[start : start + 70], organism="E. coli")


async def send(
    platform: Platform, account: Account, rows: Sequence[pb.ImportRow]
) -> tuple[list[pb.ImportedRow], pb.ImportSummary]:
    target = platform.constellation.edge_url.removeprefix("http://")
    async with connect(target, account.token) as channel:
        answers = [answer async for answer in ImportServiceStub(channel).ImportSamples(messages(rows))]
    assert answers[-1].HasField("summary")
    return [answer for message in answers for answer in message.rows], answers[-1].summary


async def test_rows_are_answered_in_order_and_stored_once(platform: Platform) -> None:
    account = await platform.account(consented=True)
    rows = [row(20 + number % 40) for number in range(300)]
    rows[7], rows[100] = row(30, "tube 7"), row(30, "x" * 300)
    rows[200] = row(30)
    rows[200].sample.subject = "NUL \0 in it"
    rows[250] = row(30, "E. coli", request_id="mine")

    answers, summary = await send(platform, account, rows)

    assert [answer.row for answer in answers] == [*range(1, 301)]
    refused = {answer.row - 1: answer.error for answer in answers if answer.HasField("error")}
    assert {place: error.reason for place, error in refused.items()} == dict.fromkeys((7, 100, 200), "INVALID_REQUEST")
    assert [item.field for item in refused[7].violations] == ["sample.organism"]
    assert (summary.rows, summary.stored, summary.repeated, summary.refused) == (300, 297, 0, 3)
    assert await stored_ids(account) == {answer.id for answer in answers if answer.id}

    rows[7] = row(5)
    rows[250] = row(30, "E. coli", request_id="mine")
    again, summary = await send(platform, account, rows)
    assert (summary.stored, summary.repeated) == (298, 297)
    assert [answer.id for answer in again if answer.row != 8] == [answer.id for answer in answers if answer.row != 8]


async def test_import_without_rows_is_refused(platform: Platform) -> None:
    account = await platform.account(consented=True)
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await send(platform, account, [])
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT


async def test_import_requires_a_token(platform: Platform) -> None:
    async def nothing() -> AsyncIterator[pb.ImportSamplesRequest]:
        # Send no message: if a message is in flight when the refusal arrives, gRPC's client reports INTERNAL instead.
        await asyncio.Event().wait()
        yield pb.ImportSamplesRequest()

    async with connect(platform.constellation.edge_url.removeprefix("http://"), "none") as channel:
        call = ImportServiceStub(channel).ImportSamples(nothing())
        async with asyncio.timeout(10):
            assert await call.code() is grpc.StatusCode.UNAUTHENTICATED
