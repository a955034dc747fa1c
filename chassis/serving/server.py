"""Starts a service, serves it and stops it in order.

A service passes its name and `open_app`, an async context manager that takes settings and `Parts` and yields an
`Application`. `run` serves until a signal; `serving` does the same without signals, for tests.
"""

import asyncio
import gc
import signal
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import TypeVar, cast

import grpc
import structlog
import uvloop
from google.protobuf.descriptor import ServiceDescriptor
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection
from prometheus_client import start_http_server

from chassis.background import Background
from chassis.calling.channel import ServiceChannel
from chassis.identity.certificates import Certificates
from chassis.identity.revocation import Revocations
from chassis.identity.tokens import ServiceTokens, Signer, TrustStore, Verifier
from chassis.identity.transport import MutualTls, Sidecar, Transport
from chassis.registry.discovery import Registry
from chassis.serving.account_calls import AccountCalls
from chassis.serving.batch_server import BatchServicer
from chassis.serving.health import Check, Readiness
from chassis.serving.logs import set_up_logging
from chassis.serving.pipeline import Pipeline
from chassis.serving.registration import GeneratedService, Generic
from chassis.serving.settings import Settings
from chassis.tasks import cancel
from chassis.tracing import set_up_tracing
from fairdb.batch.v1 import batch_service_pb2, batch_service_pb2_grpc
from fairdb.options.v1 import access_pb2

log = structlog.get_logger()

_STOP_GRACE = 10.0
_YOUNG_OBJECTS = 10_000
_MESSAGE_BYTES = 4 * 1024 * 1024
_METADATA_BYTES = 64 * 1024


@dataclass(frozen=True)
class Application:
    """An opened service."""

    servicers: Sequence[object]
    """Instances of classes that inherit from a generated `...Servicer`."""
    revocations: Revocations
    checks: Mapping[str, Check]
    """Readiness checks: the service reports NOT_SERVING while one of them raises."""


@dataclass(frozen=True)
class Parts:
    """The objects that every service needs, created once at start."""

    name: str
    signer: Signer
    trust: TrustStore
    tokens: ServiceTokens
    transport: Transport
    registry: Registry
    closing: AsyncExitStack
    """What ends before the application's resources close."""
    background: Background

    async def channel(self, service: str) -> grpc.aio.Channel:
        """Open a channel to another service. It follows the registry until this service ends."""
        channel = ServiceChannel(service, self.tokens, self.transport)
        self.closing.push_async_callback(channel.close)
        self.background.start(f"addresses of {service}", partial(self.registry.follow, service, channel.update))
        # ServiceChannel has the methods that generated stubs call.
        return cast(grpc.aio.Channel, channel)


AnySettings = TypeVar("AnySettings", bound=Settings)
OpenApp = Callable[[AnySettings, Parts], AbstractAsyncContextManager[Application]]


def run(name: str, settings: AnySettings, open_app: OpenApp[AnySettings]) -> None:
    """Serve until SIGTERM or SIGINT."""

    async def main() -> None:
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        set_up_logging(name, settings.log_level)
        provider = set_up_tracing(name)
        metrics, _ = start_http_server(settings.metrics_port, settings.host)
        async with serving(name, settings, open_app):
            freeze_startup_objects()
            await stop.wait()
        metrics.shutdown()
        if provider is not None:
            await asyncio.to_thread(provider.shutdown)

    uvloop.run(main())


def freeze_startup_objects() -> None:
    """Exclude the objects of start-up from garbage collection, and collect less often.

    Modules, descriptors and compiled rules live as long as the process. Scanning them in every full collection takes a
    tenth of a busy service's time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG_OBJECTS)


@asynccontextmanager
async def serving(name: str, settings: AnySettings, open_app: OpenApp[AnySettings]) -> AsyncIterator[int]:
    """Serve and yield the port; drain and stop on exit."""
    async with AsyncExitStack() as stack:
        signer = Signer.load(name, settings.signing_key_file)
        trust = TrustStore(settings.trust_dir)
        registry = await stack.enter_async_context(aclosing(Registry(settings.consul_url)))
        closing = AsyncExitStack()
        background = Background(closing)
        transport = _open_transport(settings, background)
        parts = Parts(name, signer, trust, ServiceTokens(signer), transport, registry, closing, background)
        stack.push_async_callback(closing.aclose)  # if the application fails to open
        app = await stack.enter_async_context(open_app(settings, parts))
        stack.push_async_callback(closing.aclose)  # background work ends before the resources that it uses close
        pipeline = Pipeline(Verifier(name, trust), app.revocations, transport, AccountCalls(settings.account_calls))
        server = grpc.aio.server(
            interceptors=[pipeline],
            options=[
                ("grpc.max_receive_message_length", _MESSAGE_BYTES),
                ("grpc.max_send_message_length", _MESSAGE_BYTES),
                # Above the edge's limit for headers, so that the edge refuses what is too large, with its own error.
                ("grpc.max_metadata_size", _METADATA_BYTES),
                ("grpc.absolute_max_metadata_size", _METADATA_BYTES),
                # Otherwise two servers on one port would silently share its calls.
                ("grpc.so_reuseport", 0),
            ],
        )
        batches = BatchServicer(pipeline)
        # `Generic`, like `batches` below, has the methods that generated code calls on a server.
        generic = cast(grpc.aio.Server, Generic(server))
        batch_service_pb2_grpc.add_BatchServiceServicer_to_server(batches, generic)
        names = [batch_service_pb2.DESCRIPTOR.services_by_name["BatchService"].full_name]
        for servicer in app.servicers:
            service = GeneratedService.of(type(servicer))
            _require_access(service.descriptor)
            service.add_to_server(servicer, generic)
            service.add_to_server(servicer, cast(grpc.aio.Server, batches))
            names.append(service.descriptor.full_name)
        readiness = Readiness(names, app.checks, background)
        health_pb2_grpc.add_HealthServicer_to_server(readiness.servicer, generic)
        reflection.enable_server_reflection(
            [*names, health_pb2.DESCRIPTOR.services_by_name["Health"].full_name, reflection.SERVICE_NAME], server
        )
        await readiness.stop_serving()
        port = transport.listen(server, f"{settings.host}:{settings.port}")
        await server.start()
        log.info("started", port=port)
        checking = background.start("health", readiness.keep)
        registering = background.start(
            "registration", partial(registry.keep_registered, name, settings.host, port, readiness.is_serving)
        )
        try:
            yield port
        finally:
            await cancel(checking)
            await readiness.stop_serving()
            await cancel(registering)
            await asyncio.sleep(settings.drain_seconds)
            await server.stop(_STOP_GRACE)
            log.info("stopped")


def _open_transport(settings: Settings, background: Background) -> Transport:
    """Return the transport of the settings. Raises CertificateInvalid."""
    # The settings require a folder for `mtls`.
    if settings.transport == "sidecar" or settings.certificate_dir is None:
        return Sidecar()
    tls = MutualTls(Certificates(settings.certificate_dir))
    background.start("certificate", tls.keep_current)
    return tls


def _require_access(descriptor: ServiceDescriptor) -> None:
    for method in descriptor.methods:
        if not method.GetOptions().HasExtension(access_pb2.access):
            raise ValueError(f"{method.full_name} must declare the option fairdb.options.v1.access")
        if method.client_streaming != method.server_streaming:
            raise ValueError(f"{method.full_name} streams one way only, which the pipeline does not support")
