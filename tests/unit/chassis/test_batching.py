"""Batched calls between a real client and a real server: each behaves as if it were sent alone."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import grpc
import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from backend_svc.samples.errors import SampleNotFound
from chassis import call_context
from chassis.call_context import SERVICE_TOKEN, Call, Caller
from chassis.calling.channel import ServiceChannel
from chassis.errors import DeadlineExceeded, Internal, RemoteError, ServiceUnavailable
from chassis.identity.access import only_reads
from chassis.identity.tokens import ServiceTokens, Signer, TrustStore, Verifier
from chassis.identity.transport import Sidecar
from chassis.serving.account_calls import AccountCalls
from chassis.serving.batch_server import BatchServicer
from chassis.serving.pipeline import Pipeline
from fairdb.backend.v1 import backend_service_pb2 as pb
from fairdb.backend.v1 import backend_service_pb2_grpc
from fairdb.batch.v1 import batch_service_pb2, batch_service_pb2_grpc
from fairdb.samples.v1.sample_pb2 import Sample
from tests.waiting import eventually


class NoRevocations:
    async def check(self, caller: Caller) -> None:
        """Accept every token."""


class Backend(backend_service_pb2_grpc.BackendServiceServicer):
    """Answers with the caller's correlation id; `fates` sets errors and delays by id."""

    def __init__(self) -> None:
        self.fates: dict[str, object] = {}
        self.padding = ""
        self.requested: Counter[str] = Counter()
        self.held = 0

    async def GetStoredSample(
        self, request: pb.GetStoredSampleRequest, context: grpc.aio.ServicerContext
    ) -> pb.StoredSample:
        self.requested[request.id] += 1
        # Delay long enough for further calls to join the next batch.
        await asyncio.sleep(0.005)
        match self.fates.get(request.id):
            case Exception() as error:
                raise error
            case "hang":
                await asyncio.Event().wait()
            case asyncio.Event() as over:
                self.held += 1
                await over.wait()
                self.held -= 1
            case _:
                pass
        sample = Sample(id=request.id, organism=call_context.current().correlation_id, subject=self.padding)
        return pb.StoredSample(sample=sample)

    async def Quarantine(
        self, request: pb.QuarantineRequest, context: grpc.aio.ServicerContext
    ) -> pb.QuarantineResponse:
        return pb.QuarantineResponse()


class Counting(BatchServicer):
    """Records the size of each batch."""

    def __init__(self, pipeline: Pipeline) -> None:
        super().__init__(pipeline)
        self.sizes: list[int] = []

    async def CallMany(
        self, request: batch_service_pb2.CallManyRequest, context: grpc.aio.ServicerContext
    ) -> batch_service_pb2.CallManyResponse:
        self.sizes.append(len(request.calls))
        return await super().CallMany(request, context)


@dataclass
class Rig:
    """A server with one service, and a channel to it."""

    backend: Backend
    batches: Counting
    stub: backend_service_pb2_grpc.BackendServiceStub
    address: str
    signers: dict[str, Signer]

    async def is_held(self) -> bool:
        return self.backend.held > 0

    async def get(self, id: str, correlation_id: str = "", timeout: float | None = None) -> pb.StoredSample:
        call_context.enter(Call(correlation_id=correlation_id or str(uuid4())))
        return await self.stub.GetStoredSample(pb.GetStoredSampleRequest(id=id), timeout=timeout)  # pyright: ignore[reportGeneralTypeIssues]

    async def get_all(self, ids: Sequence[str], **options: float) -> list[object]:
        return await asyncio.gather(*(self.get(id, **options) for id in ids), return_exceptions=True)  # pyright: ignore[reportArgumentType]


@pytest_asyncio.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    signers = {name: Signer(name, Ed25519PrivateKey.generate()) for name in ("gateway", "privacy_svc")}
    for name, signer in signers.items():
        (tmp_path / f"{name}.jwks.json").write_text(json.dumps({"keys": [signer.jwk]}))
    pipeline = Pipeline(Verifier("backend_svc", TrustStore(tmp_path)), NoRevocations(), Sidecar(), AccountCalls(1))  # pyright: ignore[reportArgumentType]
    server = grpc.aio.server(interceptors=[pipeline])
    backend, batches = Backend(), Counting(pipeline)  # pyright: ignore[reportAbstractUsage]  # tests need two methods
    backend_service_pb2_grpc.add_BackendServiceServicer_to_server(backend, server)
    backend_service_pb2_grpc.add_BackendServiceServicer_to_server(backend, batches)  # pyright: ignore[reportArgumentType]
    batch_service_pb2_grpc.add_BatchServiceServicer_to_server(batches, server)
    address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    await server.start()
    channel = ServiceChannel("backend_svc", ServiceTokens(signers["gateway"]), Sidecar())
    channel.update([address])
    rig = Rig(backend, batches, backend_service_pb2_grpc.BackendServiceStub(channel), address, signers)  # pyright: ignore[reportArgumentType, reportCallIssue]
    yield rig
    await channel.close()
    await server.stop(0)


def ids(count: int) -> list[str]:
    return [str(uuid4()) for _ in range(count)]


async def test_each_call_gets_its_own_answer(rig: Rig) -> None:
    asked = [(id, str(uuid4())) for id in ids(200)]
    answers = await asyncio.gather(*(rig.get(*item) for item in asked))
    assert [(answer.sample.id, answer.sample.organism) for answer in answers] == asked
    assert sum(rig.batches.sizes) > 150
    assert len(rig.batches.sizes) < 20


@asynccontextmanager
async def busy(rig: Rig) -> AsyncIterator[None]:
    """Keep one call in flight, so that later calls form a batch."""
    (id,) = ids(1)
    rig.backend.fates[id] = over = asyncio.Event()
    first = asyncio.create_task(rig.get(id))
    await eventually(rig.is_held)
    yield
    over.set()
    await first


async def test_equal_requests_are_sent_once_and_keep_their_deadlines(rig: Rig) -> None:
    slow, other = ids(2)
    rig.backend.fates[slow] = over = asyncio.Event()
    async with busy(rig):
        hasty, patient = (asyncio.create_task(rig.get(slow, timeout=seconds)) for seconds in (0.3, 5.0))
        same = [asyncio.create_task(rig.get(other)) for _ in range(20)]
        await asyncio.sleep(0)
    await asyncio.wait([hasty])
    assert isinstance(hasty.exception(), DeadlineExceeded)
    over.set()
    assert (await patient).sample.id == slow
    assert {answer.sample.id for answer in await asyncio.gather(*same)} == {other}
    assert (rig.backend.requested[slow], rig.backend.requested[other]) == (1, 1)


async def test_failure_answers_all_equal_requests(rig: Rig) -> None:
    missing, unavailable = ids(2)
    rig.backend.fates |= {missing: SampleNotFound(), unavailable: ServiceUnavailable(service="database")}
    for id, kind, times in ((missing, RemoteError, 1), (unavailable, ServiceUnavailable, 3)):
        async with busy(rig):
            same = [asyncio.create_task(rig.get(id)) for _ in range(10)]
            await asyncio.sleep(0)
        errors = await asyncio.gather(*same, return_exceptions=True)
        assert all(isinstance(error, kind) for error in errors)
        # Equal requests share one call, so together they get only the attempts of gRPC's service config.
        assert rig.backend.requested[id] == times


def test_only_methods_without_side_effects_are_merged() -> None:
    service = "/fairdb.backend.v1.BackendService"
    assert only_reads(f"{service}/GetStoredSample")
    assert not any(only_reads(f"{service}/{method}") for method in ("StoreSample", "FindByIdempotencyKey", "Nothing"))


async def test_single_call_does_not_wait(rig: Rig) -> None:
    (id,) = ids(1)
    assert (await rig.get(id)).sample.id == id
    assert rig.batches.sizes == []


async def test_failing_call_fails_alone(rig: Rig) -> None:
    asked = ids(60)
    missing, broken = asked[20], asked[40]
    rig.backend.fates = {missing: SampleNotFound(), broken: RuntimeError("secret")}
    answers = dict(zip(asked, await rig.get_all(asked), strict=True))
    assert rig.batches.sizes
    not_found = answers.pop(missing)
    assert isinstance(not_found, RemoteError)
    assert (not_found.reason, not_found.code) == ("SAMPLE_NOT_FOUND", grpc.StatusCode.NOT_FOUND)
    assert isinstance(answers.pop(broken), Internal)
    assert all(isinstance(answer, pb.StoredSample) and answer.sample.id == id for id, answer in answers.items())


async def test_call_that_times_out_delays_only_the_calls_of_its_batch(rig: Rig) -> None:
    asked = ids(60)
    rig.backend.fates = {asked[30]: "hang"}
    later = asyncio.create_task(rig.get_all(ids(50)))
    answers = dict(zip(asked, await rig.get_all(asked, timeout=0.5), strict=True))
    assert isinstance(answers.pop(asked[30]), DeadlineExceeded)
    # Calls in the batch of the slow call may time out too. Calls of other batches are all answered.
    assert sum(isinstance(answer, pb.StoredSample) for answer in await later) == 50


async def test_response_too_large_for_one_message_is_fetched_in_parts(rig: Rig) -> None:
    asked = ids(30)
    rig.backend.padding = "x" * 400_000
    answers = await rig.get_all(asked)
    assert [answer.sample.id for answer in answers if isinstance(answer, pb.StoredSample)] == asked


async def test_unavailable_in_a_batch_is_retried_alone(rig: Rig) -> None:
    asked = ids(20)
    rig.backend.fates = {asked[7]: ServiceUnavailable(service="database")}
    answers = await rig.get_all(asked)
    assert isinstance(answers[7], ServiceUnavailable)
    # The call is sent once in the batch. Then it is sent alone, as often as gRPC's service config says.
    assert rig.backend.requested[asked[7]] == 4
    assert {rig.backend.requested[id] for id in asked if id != asked[7]} == {1}


@pytest.mark.parametrize(
    ("caller", "method", "code"),
    [
        ("gateway", "BackendService/GetStoredSample", None),
        ("privacy_svc", "BackendService/GetStoredSample", grpc.StatusCode.PERMISSION_DENIED),
        ("privacy_svc", "BackendService/Quarantine", grpc.StatusCode.UNIMPLEMENTED),
        ("gateway", "BackendService/Nothing", grpc.StatusCode.UNIMPLEMENTED),
    ],
)
async def test_each_call_of_a_batch_is_authorised_separately(
    rig: Rig, caller: str, method: str, code: grpc.StatusCode | None
) -> None:
    item = batch_service_pb2.Call(
        method=f"/fairdb.backend.v1.{method}",
        request=pb.GetStoredSampleRequest(id=str(uuid4())).SerializeToString(),
    )
    item.timeout.FromSeconds(5)
    token = ServiceTokens(rig.signers[caller]).token_for("backend_svc", None)
    async with grpc.aio.insecure_channel(rig.address) as channel:
        call = channel.unary_unary("/fairdb.batch.v1.BatchService/CallMany")
        request = batch_service_pb2.CallManyRequest(calls=[item, item]).SerializeToString()
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await call(request)
        assert refused.value.code() == grpc.StatusCode.UNAUTHENTICATED
        answer = batch_service_pb2.CallManyResponse.FromString(await call(request, metadata=[(SERVICE_TOKEN, token)]))
    codes = {item.status.code for item in answer.answers}
    assert (len(answer.answers), codes) == (2, {code.value[0] if code else 0})


async def test_invalid_call_is_refused_with_its_violations(rig: Rig) -> None:
    asked = [*ids(10), "no id", *ids(10)]
    answers = await rig.get_all(asked)
    refused = answers[10]
    assert isinstance(refused, RemoteError)
    assert refused.reason == "INVALID_REQUEST"
    assert sum(isinstance(answer, pb.StoredSample) for answer in answers) == 20
