"""The only way up: `run` starts a service and stops it in order.

A service gives its name and an `open_app`, an async context manager from settings and `Parts` to an `Application`.
`serving` is the same without signals, for tests.
"""

import asyncio
import gc
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Coroutine, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar, cast

import grpc
import uvloop
from google.protobuf.descriptor import ServiceDescriptor
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1._async import HealthServicer
from grpc_reflection.v1alpha import reflection

from chassis import telemetry
from chassis.calling.channel import ServiceChannel
from chassis.events.outbox import Relay
from chassis.events.publisher import Publisher
from chassis.identity.revocation import Revocations
from chassis.identity.tokens import ServiceTokens, Signer, TrustStore, Verifier
from chassis.registry.discovery import Registry
from chassis.serving.batch_server import BatchServicer
from chassis.serving.pipeline import Pipeline
from chassis.serving.registration import GeneratedService
from chassis.serving.settings import Settings
from chassis.storage.database import Database
from chassis.telemetry import describe, log
from fairdb.batch.v1 import batch_service_pb2, batch_service_pb2_grpc
from fairdb.options.v1 import access_pb2

_CHECK_SECONDS = 1.0
_STOP_GRACE = 10.0
_RESTART_SECONDS = 1.0
_YOUNG_OBJECTS = 10_000
_MESSAGE_BYTES = 4 * 1024 * 1024

Check = Callable[[], Awaitable[None]]
"""Raises while what it checks is away."""


@dataclass(frozen=True)
class Application:
    """A service that is ready to be served."""

    servicers: Sequence[object]
    """Instances of classes that inherit from a generated `...Servicer`."""
    revocations: Revocations
    checks: Mapping[str, Check]
    """The service reports NOT_SERVING while one of them raises."""


@dataclass(frozen=True)
class Parts:
    """What every service starts with."""

    name: str
    signer: Signer
    trust: TrustStore
    tokens: ServiceTokens
    registry: Registry
    background: AsyncExitStack

    async def channel(self, service: str) -> grpc.aio.Channel:
        """Open a channel to another service; it follows the registry until this service ends."""
        channel = ServiceChannel(service, self.tokens)
        self.background.push_async_callback(channel.close)
        self.start(partial(self.registry.follow, service, channel.update))
        # It has what stubs use of a Channel, and only that.
        return cast(grpc.aio.Channel, channel)

    def publish_from(self, database: Database, broker_url: str, *, mandatory: Collection[str] = ()) -> None:
        """Publish the events in a database's outbox until the service ends.

        `mandatory`: event types that stay in the outbox until a queue is bound for them.
        """
        publisher = Publisher(broker_url, mandatory=mandatory)
        self.start(publisher.run)
        self.start(Relay(database, publisher).run)

    def start(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Run work beside the server until the service ends; work that fails is logged and begun anew."""
        self.background.push_async_callback(_cancel, asyncio.create_task(_keep_running(work)))


AnySettings = TypeVar("AnySettings", bound=Settings)
OpenApp = Callable[[AnySettings, Parts], AbstractAsyncContextManager[Application]]


def run(name: str, settings: AnySettings, open_app: OpenApp[AnySettings]) -> None:
    """Serve until SIGTERM or SIGINT."""

    async def main() -> None:
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        telemetry.set_up_logging(name, settings.log_level)
        provider = telemetry.set_up_tracing(name)
        metrics = telemetry.serve_metrics(settings.host, settings.metrics_port)
        async with serving(name, settings, open_app):
            spare_the_collector()
            await stop.wait()
        metrics.shutdown()
        if provider is not None:
            await asyncio.to_thread(provider.shutdown)

    uvloop.run(main())


def spare_the_collector() -> None:
    """Let Python's garbage collector leave alone what start-up made, and look for cycles less often than for a script.

    Modules, descriptors and compiled rules live as long as the process does, and looking through them again and again
    takes a tenth of a busy service's time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG_OBJECTS)


@asynccontextmanager
async def serving(name: str, settings: AnySettings, open_app: OpenApp[AnySettings]) -> AsyncIterator[int]:
    """Serve, and give the port; leaving drains and stops."""
    async with AsyncExitStack() as stack:
        signer = Signer.load(name, settings.signing_key_file)
        trust = TrustStore(settings.trust_dir)
        background = AsyncExitStack()
        parts = Parts(name, signer, trust, ServiceTokens(signer), Registry(settings.consul_url), background)
        stack.push_async_callback(background.aclose)  # for an application that fails to open
        app = await stack.enter_async_context(open_app(settings, parts))
        stack.push_async_callback(background.aclose)  # background work ends before what it works with closes
        pipeline = Pipeline(Verifier(name, trust), app.revocations)
        server = grpc.aio.server(
            interceptors=[pipeline],
            options=[
                ("grpc.max_receive_message_length", _MESSAGE_BYTES),
                ("grpc.max_send_message_length", _MESSAGE_BYTES),
                # Two servers on one port would share its calls without a word.
                ("grpc.so_reuseport", 0),
            ],
        )
        health_servicer = HealthServicer()
        health_pb2_grpc.add_HealthServicer_to_server(health_servicer, server)
        batches = BatchServicer(pipeline)
        batch_service_pb2_grpc.add_BatchServiceServicer_to_server(batches, server)
        names = [batch_service_pb2.DESCRIPTOR.services_by_name["BatchService"].full_name]
        for servicer in app.servicers:
            service = GeneratedService.of(type(servicer))
            _require_access(service.descriptor)
            service.add_to_server(servicer, server)
            # `batches` has the methods that generated code calls on a server.
            service.add_to_server(servicer, cast(grpc.aio.Server, batches))
            names.append(service.descriptor.full_name)
        reflection.enable_server_reflection(
            [*names, health_pb2.DESCRIPTOR.services_by_name["Health"].full_name, reflection.SERVICE_NAME], server
        )
        await _set_health(health_servicer, names, serving=False)
        port = server.add_insecure_port(f"{settings.host}:{settings.port}")
        await server.start()
        log.info("started", port=port)
        checking = asyncio.create_task(_keep_checking(app.checks, health_servicer, names))
        registering = asyncio.create_task(parts.registry.keep_registered(name, settings.host, port))
        try:
            yield port
        finally:
            await _cancel(checking)
            await _set_health(health_servicer, names, serving=False)
            await _cancel(registering)
            await asyncio.sleep(settings.drain_seconds)
            await server.stop(_STOP_GRACE)
            log.info("stopped")


def _require_access(descriptor: ServiceDescriptor) -> None:
    for method in descriptor.methods:
        if not method.GetOptions().HasExtension(access_pb2.access):
            raise ValueError(f"{method.full_name} does not say who may call it")
        if method.client_streaming != method.server_streaming:
            # The pipeline does not know the kind, and would not serve it.
            raise ValueError(f"{method.full_name} streams one way only, which the pipeline does not know")


async def _keep_checking(checks: Mapping[str, Check], servicer: HealthServicer, names: list[str]) -> None:
    """Report SERVING exactly while every check passes."""
    away: set[str] | None = None
    while True:
        results = await asyncio.gather(*(check() for check in checks.values()), return_exceptions=True)
        now_away = {name for name, result in zip(checks, results, strict=True) if isinstance(result, BaseException)}
        if now_away != away:
            log.info("readiness", serving=not now_away, away=sorted(now_away))
            await _set_health(servicer, names, serving=not now_away)
            away = now_away
        await asyncio.sleep(_CHECK_SECONDS)


async def _set_health(servicer: HealthServicer, names: list[str], *, serving: bool) -> None:
    status = health_pb2.HealthCheckResponse.SERVING if serving else health_pb2.HealthCheckResponse.NOT_SERVING
    for name in ["", *names]:
        await servicer.set(name, status)


async def _cancel(task: asyncio.Future[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def _keep_running(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    while True:
        try:
            return await work()
        except Exception as error:
            log.error("background_work_failed", **describe(error))
        await asyncio.sleep(_RESTART_SECONDS)
