"""An account with hundreds of calls in progress: they are refused, and others are served."""

import asyncio
import json
from collections import Counter
from contextlib import AsyncExitStack

import grpc

from bench.records import write_records
from fairdb.samples.v1.sample_pb2 import RawSample
from fairdb.samples.v1.sample_service_pb2 import CreateSampleRequest, ListSamplesRequest
from fairdb.samples.v1.sample_service_pb2_grpc import SampleServiceStub
from tests.abuse import Http2Client, be_honest
from tests.platform import Account, Platform
from tests.waiting import eventually

LIST = "/fairdb.samples.v1.SampleService/ListSamples"
MOST_SAMPLES = 200
ABUSE_SECONDS = 9
CONNECTIONS, STREAMS = 7, 90
"""Together more calls than the edge lets a service have at a time."""


async def create_long_list(account: Account) -> None:
    """Create as many samples as a page has. The page is longer than what the edge accepts of an unread answer."""
    rows = [json.loads(record) for record in write_records(MOST_SAMPLES)]
    for row in rows:
        for field in ("subject_id", "host_subject_id"):
            row["metadata"].pop(field, None)
    file = "".join(f"{json.dumps(row)}\n" for row in rows)
    answer = await account.http.post(
        "/api/samples:import", content=file, headers={**account.headers, "Content-Type": "application/x-ndjson"}
    )
    assert json.loads(answer.text.splitlines()[-1])["summary"]["stored"] == MOST_SAMPLES, answer.text[-2000:]

    async def is_long() -> bool:
        parameters = {"pageSize": MOST_SAMPLES, "filter": f'owner = "{account.id}"'}
        page = await account.call("GET", "/api/samples", params=parameters)
        return len(page.json()["samples"]) == MOST_SAMPLES and len(page.content) > 300_000

    await eventually(is_long)


async def test_account_that_reads_no_answers_refuses_nobody_else(platform: Platform) -> None:
    abuser, honest = [await platform.account(consented=True) for _ in range(2)]
    await create_long_list(abuser)
    request = ListSamplesRequest(page_size=MOST_SAMPLES, filter=f'owner = "{abuser.id}"').SerializeToString()
    host, _, port = platform.constellation.edge_url.rpartition("/")[2].partition(":")
    async with AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(Http2Client.connected(host, int(port))) for _ in range(CONNECTIONS)]
        for client in clients * STREAMS:
            client.send_call(LIST, request, {"authorization": f"Bearer {abuser.token}"})
        # Without a limit per account, all these calls would be in progress at the end of this time.
        end = asyncio.get_running_loop().time() + ABUSE_SECONDS
        body = {"organism": "E. coli"}
        times = await be_honest(
            lambda: honest.call("POST", "/api/samples", body), lambda: asyncio.get_running_loop().time() > end
        )
    times.check()


async def test_calls_above_the_limit_are_refused_with_the_reason(platform: Platform) -> None:
    account = await platform.account(consented=True)
    address = platform.constellation.edge_url.rpartition("/")[2]
    statuses = Counter[grpc.StatusCode]()
    async with grpc.aio.insecure_channel(address) as channel:
        create = SampleServiceStub(channel).CreateSample
        request = CreateSampleRequest(sample=RawSample(organism="E. coli"))
        calls = [create(request, metadata=(("authorization", f"Bearer {account.token}"),)) for _ in range(90)]
        for call in calls:
            code = await call.code()
            statuses[code] += 1
            if code != grpc.StatusCode.OK:
                assert "too many calls in progress" in await call.details()
    # The account is new.
    assert statuses.keys() == {grpc.StatusCode.OK, grpc.StatusCode.RESOURCE_EXHAUSTED}, statuses
    assert statuses[grpc.StatusCode.OK] >= 32
