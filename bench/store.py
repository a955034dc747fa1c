"""Calls StoreSample directly, one call after the other: the cost of a creation in backend_svc alone, over gRPC."""

import statistics
import time
from dataclasses import dataclass
from uuid import UUID

from google.protobuf.json_format import Parse

from bench.figures import Figure
from bench.measuring import Meter
from chassis.storage import daily_ids
from fairdatabase.policy.records.anonymisation import Anonymiser
from fairdatabase.policy.tables.reader import load_policy
from fairdb.backend.v1.backend_service_pb2 import StoredSample, StoreSampleRequest
from fairdb.backend.v1.backend_service_pb2_grpc import BackendServiceStub
from fairdb.options.v1.access_pb2 import ROLE_RESEARCHER, Principal
from fairdb.samples.v1.sample_pb2 import RawSample

CALLER, CALLEE = "gateway", "backend_svc"
_WARM_UP = 50
_PREPARED = 2_000


@dataclass(frozen=True)
class Run:
    """The durations of the calls, in seconds."""

    times: list[float]
    answered: int


async def measure_store(meter: Meter, account: str, consent: str, seconds: float) -> Figure:
    """Measure the median time of a call at one connection."""
    constellation = meter.stage.constellation
    metadata = [("x-service-token", constellation.plan.credentials.service_token(CALLER, CALLEE))]
    samples = _prepare(meter.lines.bodies(_PREPARED), account)

    async def run() -> Run:
        times: list[float] = []
        created = 0
        async with constellation.channel(CALLEE, CALLER) as channel:
            stub = BackendServiceStub(channel)
            until = time.perf_counter() + seconds
            while time.perf_counter() < until:
                request = _request(samples[created % len(samples)], account, consent)
                began = time.perf_counter()
                await stub.StoreSample(request, metadata=metadata, timeout=5)
                times.append(time.perf_counter() - began)
                created += 1
        return Run(times[_WARM_UP:] or times, created)

    result, cost = await meter.costed(run, creates=True)
    percentiles = statistics.quantiles(result.times, n=100)
    rate = result.answered / seconds
    return meter.figure("store", 1, rate, 1000 * percentiles[49], 1000 * percentiles[98], result.answered, cost)


def _request(stored: StoredSample, account: str, consent: str) -> StoreSampleRequest:
    stored.sample.id = str(daily_ids.new_id())
    return StoreSampleRequest(
        principal=Principal(user_id=account, roles=[ROLE_RESEARCHER]),
        stored=stored,
        consents=[consent],
        fencing_token=1,
    )


def _prepare(bodies: list[str], account: str) -> list[StoredSample]:
    """Anonymise in advance, as privacy_svc would."""
    anonymiser = Anonymiser(load_policy())
    study = str(UUID(account))
    prepared: list[StoredSample] = []
    for body in bodies:
        done = anonymiser.anonymise(Parse(body, RawSample()), lambda subject: f"p-{subject.lower()}")
        done.sample.study = study
        prepared.append(StoredSample(sample=done.sample, classes=done.classes))
    return prepared
