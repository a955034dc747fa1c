"""Measures the cost of spans per call, made by our own code or by opentelemetry-instrumentation-grpc.

Run as `make bench-tracing`, which also installs the library. Each variant has a process with two servers of the
chassis: a client calls the first, which calls the second through a ServiceChannel. One trace in ten is sampled. Rounds
of the variants alternate. docs/decisions/tracing.md has the result.
"""

import asyncio
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

import grpc
import uvloop
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from opentelemetry import propagate, trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from chassis import call_context
from chassis.call_context import Caller
from chassis.calling import channel
from chassis.calling.channel import ServiceChannel
from chassis.identity.keys import SERVICE_TOKEN_SECONDS
from chassis.identity.tokens import Signer
from chassis.serving import pipeline
from chassis.serving.logs import set_up_logging
from chassis.serving.server import Application, Parts, serving
from chassis.serving.settings import Settings
from fairdb.auth.v1.revocation_service_pb2 import CheckRevocationRequest, CheckRevocationResponse
from fairdb.auth.v1.revocation_service_pb2_grpc import RevocationServiceServicer, RevocationServiceStub

OFF, OWN, LIBRARY = "no tracing", "own spans", "opentelemetry-instrumentation-grpc"
ROUNDS, CALLS, AT_ONCE = 12, 2000, 32
FRONT, BACK = "backend_svc", "auth_svc"
NOWHERE = "127.0.0.1:1"
REQUEST = CheckRevocationRequest(token_id="a-token")
# The client takes the place of the edge, which makes no spans here, so `use_library` must not instrument it.
plain_channel = grpc.aio.insecure_channel


class Accepting:
    """A revocation list without entries."""

    async def check(self, caller: Caller) -> None:
        """Accept every caller."""


class Answering(RevocationServiceServicer):
    """The second service."""

    async def CheckRevocation(
        self, request: CheckRevocationRequest, context: grpc.aio.ServicerContext
    ) -> CheckRevocationResponse:
        return CheckRevocationResponse()


class Forwarding(RevocationServiceServicer):
    """The first service, which calls the second."""

    def __init__(self, back: Any) -> None:
        self._back: Any = RevocationServiceStub(back)

    async def CheckRevocation(
        self, request: CheckRevocationRequest, context: grpc.aio.ServicerContext
    ) -> CheckRevocationResponse:
        return await self._back.CheckRevocation(request)


class Discarding(SpanExporter):
    """Receives the spans and counts them."""

    count = 0

    def export(self, spans: Any) -> SpanExportResult:
        self.count += len(spans)
        return SpanExportResult.SUCCESS


def use_library() -> None:
    """Let the library create the spans, and turn ours off."""
    from opentelemetry.instrumentation.grpc import (  # pyright: ignore[reportMissingImports]  # only in the bench group
        aio_client_interceptors,
        aio_server_interceptor,
        filters,
    )

    not_health = filters.negate(filters.health_check())
    make_server, make_channel = grpc.aio.server, grpc.aio.insecure_channel

    def server(*arguments: Any, interceptors: list[Any], **options: Any) -> grpc.aio.Server:
        return make_server(
            *arguments, interceptors=[aio_server_interceptor(filter_=not_health), *interceptors], **options
        )

    def insecure_channel(*arguments: Any, **options: Any) -> grpc.aio.Channel:
        return make_channel(*arguments, interceptors=aio_client_interceptors(filter_=not_health), **options)

    @contextmanager
    def current_span(*_: Any, **__: Any) -> Iterator[trace.Span]:
        yield trace.get_current_span()

    grpc.aio.server, grpc.aio.insecure_channel = server, insecure_channel  # pyright: ignore[reportAttributeAccessIssue]
    pipeline.span = current_span  # pyright: ignore[reportAttributeAccessIssue]
    # The library's client interceptor creates the span and sends `traceparent`, so the channel must not.
    channel.span = lambda *_, **__: nullcontext()  # pyright: ignore[reportAttributeAccessIssue]


def write_key(folder: Path, service: str) -> Signer:
    """Write a service's key, and its public half into the trust folder."""
    pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / f"{service}.pem").write_bytes(pem)
    signer = Signer.load(service, folder / f"{service}.pem")
    (folder / f"{service}.jwks.json").write_text(json.dumps({"keys": [signer.jwk]}))
    return signer


def settings_of(folder: Path, service: str) -> Settings:
    return Settings.model_validate(
        {
            "port": 0,
            "metrics_port": 0,
            "database_url": f"postgresql://{NOWHERE}/none",
            "redis_url": f"redis://{NOWHERE}",
            "broker_url": f"amqp://{NOWHERE}",
            "consul_url": f"http://{NOWHERE}",
            "signing_key_file": folder / f"{service}.pem",
            "trust_dir": folder,
            "transport": "sidecar",
            "drain_seconds": 0,
        }
    )


async def serve(stack: AsyncExitStack, folder: Path, name: str, servicer: Callable[[Parts], object]) -> int:
    @asynccontextmanager
    async def open_app(settings: Settings, parts: Parts) -> AsyncIterator[Application]:
        yield Application(servicers=[servicer(parts)], revocations=Accepting(), checks={})

    return await stack.enter_async_context(serving(name, settings_of(folder, name), open_app))


async def child(variant: str, folder: Path) -> None:
    """Start the servers, and run a round of calls for each line of standard input."""
    set_up_logging(variant, "error")
    exported = Discarding()
    if variant != OFF:
        propagate.set_global_textmap(TraceContextTextMapPropagator())
        provider = TracerProvider()
        provider.add_span_processor(BatchSpanProcessor(exported))
        trace.set_tracer_provider(provider)
    if variant == LIBRARY:
        use_library()
    client = write_key(folder, "gateway")
    for name in (FRONT, BACK):
        write_key(folder, name)
    async with AsyncExitStack() as stack:
        back_port = await serve(stack, folder, BACK, lambda _: Answering())

        def forwarding(parts: Parts) -> Forwarding:
            back = ServiceChannel(BACK, parts.tokens, parts.transport)
            back.update([f"127.0.0.1:{back_port}"])
            stack.push_async_callback(back.close)
            return Forwarding(back)

        front_port = await serve(stack, folder, FRONT, forwarding)
        edge = plain_channel(f"127.0.0.1:{front_port}")
        stub = RevocationServiceStub(edge)
        token = client.sign(FRONT, SERVICE_TOKEN_SECONDS, {"sub": "gateway"})

        async def call_repeatedly(count: int) -> None:
            for _ in range(count):
                await stub.CheckRevocation(REQUEST, timeout=10, metadata=((call_context.SERVICE_TOKEN, token),))

        while await asyncio.to_thread(sys.stdin.readline):
            wall, cpu, before = time.perf_counter(), time.process_time(), exported.count
            await asyncio.gather(*(call_repeatedly(CALLS // AT_ONCE) for _ in range(AT_ONCE)))
            calls = CALLS // AT_ONCE * AT_ONCE
            figures = {"calls": calls, "wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
            print(json.dumps(figures | {"spans": exported.count - before}), flush=True)
        await edge.close()


def start(variant: str, folder: Path) -> subprocess.Popen[str]:
    (folder / variant).mkdir()
    environment = {**os.environ, "OTEL_TRACES_SAMPLER": "parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0.1"}
    command = (sys.executable, "-m", "bench.tracing", variant, str(folder / variant))
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)


def run_round(process: subprocess.Popen[str]) -> dict[str, float]:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write("go\n")
    process.stdin.flush()
    return json.loads(process.stdout.readline())


def rotated(variants: list[str], turn: int) -> list[str]:
    """Return the variants, in a different order each turn."""
    first = turn % len(variants)
    return variants[first:] + variants[:first]


def main() -> int:
    """Run the rounds and print a table."""
    variants = [OFF, OWN]
    if importlib.util.find_spec("opentelemetry.instrumentation") is not None:
        variants.append(LIBRARY)
    else:
        print(f"{LIBRARY} is not installed: measuring without it", file=sys.stderr)
    with tempfile.TemporaryDirectory() as folder:
        processes = {variant: start(variant, Path(folder)) for variant in variants}
        try:
            for process in processes.values():
                run_round(process)  # warms up
            rounds = [
                {variant: run_round(processes[variant]) for variant in rotated(variants, turn)}
                for turn in range(ROUNDS)
            ]
        finally:
            for process in processes.values():
                assert process.stdin is not None
                process.stdin.close()
                process.wait(60)
    print("| variant | calls per second | CPU per call (µs) | relative to own spans | spans per call |")
    print("|---|---|---|---|---|")
    for variant in variants:
        rates = [each[variant]["calls"] / each[variant]["wall"] for each in rounds]
        cpu = statistics.median(each[variant]["cpu"] / each[variant]["calls"] for each in rounds) * 1e6
        ratio = statistics.median(each[OWN]["cpu"] / each[variant]["cpu"] for each in rounds)
        spans = statistics.mean(each[variant]["spans"] / each[variant]["calls"] for each in rounds)
        print(f"| {variant} | {statistics.median(rates):.0f} | {cpu:.0f} | {ratio:.3f} | {spans:.2f} |")
    return 0


if __name__ == "__main__":
    if len(sys.argv) == 3:
        uvloop.run(child(sys.argv[1], Path(sys.argv[2])))
    else:
        sys.exit(main())
