"""Edge rig: a real Envoy with the rendered configuration, fake services behind it, and a trusted token issuer."""

import asyncio
import base64
import copy
import json
import re
import shutil
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import httpx
import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from google.api.httpbody_pb2 import HttpBody
from google.rpc.code_pb2 import Code
from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1._async import HealthServicer
from grpc_status import rpc_status

from chassis.tasks import cancel
from deploy.local import sockets
from deploy.local.ports import find_free
from edge.contract import CLUSTERS
from edge.endpoints import write_endpoints
from edge.files import EdgeFiles
from edge.keys import publish_keys
from edge.pressure import Pressure
from edge.render import make_config, render
from edge.settings import EdgeSettings
from edge.validate import find_envoy
from edge.yaml import to_yaml
from fairdb.backend.v1 import backend_service_pb2, backend_service_pb2_grpc
from fairdb.samples.v1 import (
    import_service_pb2,
    import_service_pb2_grpc,
    sample_pb2,
    sample_service_pb2,
    sample_service_pb2_grpc,
)
from fairdb.system.v1 import system_service_pb2, system_service_pb2_grpc
from tests.error_answers import assert_error
from tests.waiting import eventually

LOOPBACK = "127.0.0.1"
Config = dict[str, Any]
Context = grpc.aio.ServicerContext


# --- services behind the edge ---


class Samples(sample_service_pb2_grpc.SampleServiceServicer):
    """Fake SampleService: special values in the request select the answer. Keeps the metadata of the last call."""

    def __init__(self) -> None:
        self.metadata: dict[str, str] = {}
        self.time_remaining = 0.0
        self.filter = ""

    def _note(self, context: Context) -> None:
        self.metadata = {str(key): str(value) for key, value in context.invocation_metadata() or ()}
        self.time_remaining = context.time_remaining()

    async def CreateSample(self, request, context: Context):
        self._note(context)
        organism = request.sample.organism
        if organism == "stale":
            await context.abort(grpc.StatusCode.FAILED_PRECONDITION, "stale", (("x-http-code", "412"),))
        if organism == "bad":
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "bad", (("x-http-code", "201"),))
        if organism == "odd":
            await context.send_initial_metadata((("x-http-code", "204"),))
            return sample_pb2.Sample(id="odd")
        await context.send_initial_metadata(
            (
                ("x-http-code", "201"),
                ("location", "/api/samples/new"),
                ("etag", '"7"'),
                ("x-fairdb-inside", "1"),
                ("x-service-token", "secret"),
            )
        )
        return sample_pb2.Sample(id="new")

    async def GetSample(self, request, context: Context):
        self._note(context)
        if request.id == "unavailable":
            await context.abort(grpc.StatusCode.UNAVAILABLE, "backend_svc is unavailable")
        if request.id == "slow":
            await asyncio.Event().wait()
        if request.id == "missing":
            status = Status(code=Code.NOT_FOUND, message="There is no such sample.")
            status.details.add().Pack(ErrorInfo(reason="SAMPLE_NOT_FOUND", domain="fairdatabase.org"))
            found = rpc_status.to_status(status)
            await context.abort(found.code, found.details, found.trailing_metadata)
        return sample_pb2.Sample(id=request.id)

    async def ListSamples(self, request, context: Context):
        """Return an answer of about `page_size` bytes."""
        self.filter = request.filter
        if not request.page_size:
            return sample_service_pb2.ListSamplesResponse()
        filler = sample_pb2.Sample(organism="x" * request.page_size)
        return sample_service_pb2.ListSamplesResponse(samples=[filler])


class System(system_service_pb2_grpc.SystemServiceServicer):
    """Fake SystemService: always critical."""

    async def GetHealth(self, request, context: Context):
        await context.send_initial_metadata((("x-http-code", "503"),))
        return system_service_pb2.SystemHealth(status="critical")


class Backend(backend_service_pb2_grpc.BackendServiceServicer):
    """Fake internal service on the same port: only the edge prevents clients from calling it."""

    async def GetStoredSample(self, request, context: Context):
        return backend_service_pb2.StoredSample()


class Imports(import_service_pb2_grpc.ImportServiceServicer):
    """Fake ImportService: returns the size of each chunk of a CSV file and rejects other media types."""

    def __init__(self) -> None:
        self.first: import_service_pb2.ImportFileRequest | None = None
        self.time_remaining: float | None = 0.0

    async def ImportFile(self, request_iterator, context: Context):
        self.time_remaining = context.time_remaining()
        self.first = None
        async for request in request_iterator:
            self.first = self.first or request
            if self.first.file.content_type != "text/csv":
                await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "no table", (("x-http-code", "415"),))
            yield HttpBody(content_type="application/x-ndjson", data=b"%d\n" % len(request.file.data))


class Upstream:
    """A server with the fake services, on its own port."""

    def __init__(self) -> None:
        self.samples = Samples()  # pyright: ignore[reportAbstractUsage]  other RPCs answer UNIMPLEMENTED
        self.imports = Imports()  # pyright: ignore[reportAbstractUsage]
        self.port = 0
        self._server = grpc.aio.server()

    async def start(self, port: int = 0) -> None:
        self._server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
        sample_service_pb2_grpc.add_SampleServiceServicer_to_server(self.samples, self._server)
        import_service_pb2_grpc.add_ImportServiceServicer_to_server(self.imports, self._server)
        system_service_pb2_grpc.add_SystemServiceServicer_to_server(
            System(),  # pyright: ignore[reportAbstractUsage]
            self._server,
        )
        backend_service_pb2_grpc.add_BackendServiceServicer_to_server(
            Backend(),  # pyright: ignore[reportAbstractUsage]
            self._server,
        )
        servicer = HealthServicer()
        await servicer.set("", health_pb2.HealthCheckResponse.SERVING)
        health_pb2_grpc.add_HealthServicer_to_server(servicer, self._server)
        self.port = self._server.add_insecure_port(f"{LOOPBACK}:{port}")
        await self._server.start()

    async def stop(self) -> None:
        await self._server.stop(None)

    @property
    def address(self) -> str:
        return f"{LOOPBACK}:{self.port}"


@asynccontextmanager
async def upstream_running() -> AsyncIterator[Upstream]:
    """Run the fake services."""
    upstream = Upstream()
    await upstream.start()
    try:
        yield upstream
    finally:
        await upstream.stop()


# --- tokens ---


class Issuer:
    """Issues access tokens as auth_svc does, signed with its own key."""

    def __init__(self, kid: str) -> None:
        self._key = Ed25519PrivateKey.generate()
        self._kid = kid

    def token(self, **claims: Any) -> str:
        """Return a valid token with `claims` replaced; a claim set to None is omitted."""
        now = int(time.time())
        valid = {"iss": "auth_svc", "aud": "fairdb", "sub": "u", "jti": "j", "iat": now, "exp": now + 3600}
        chosen = {name: value for name, value in (valid | claims).items() if value is not None}
        return jwt.encode(chosen, self._key, algorithm="EdDSA", headers={"kid": self._kid})

    def bearer(self, **claims: Any) -> dict[str, str]:
        """Return the request headers with a token that has these claims."""
        return {"authorization": f"Bearer {self.token(**claims)}"}

    def jwk(self) -> dict[str, str]:
        """Return the public key as a JSON Web Key."""
        x = base64.urlsafe_b64encode(self._key.public_key().public_bytes_raw()).decode().rstrip("=")
        return {"kty": "OKP", "crv": "Ed25519", "x": x, "kid": self._kid, "alg": "EdDSA", "use": "sig"}


# --- the edge ---


class Edge:
    """A running Envoy, with clients for its listener and its admin interface."""

    def __init__(self, settings: EdgeSettings, files: EdgeFiles, log: Path) -> None:
        self.files = files
        self.address = f"{LOOPBACK}:{settings.edge_port}"
        self.port = settings.edge_port
        self.http = httpx.AsyncClient(base_url=f"http://{self.address}", timeout=10)
        admin = httpx.AsyncHTTPTransport(uds=str(settings.edge_admin_socket))
        self.admin = httpx.AsyncClient(base_url="http://envoy", transport=admin, timeout=10)
        self._log = log

    def read_log(self) -> str:
        return self._log.read_text()

    async def log_entry(self, correlation_id: str) -> Config:
        """Wait for a request's entry in the access log and return it."""

        async def find() -> Config | None:
            for line in self.read_log().splitlines():
                if correlation_id in line:
                    return json.loads(line)
            return None

        found = await eventually(find)
        assert found is not None
        return found

    async def stat(self, name: str) -> int:
        """Return the value of an Envoy statistic."""
        answer = await self.admin.get("/stats", params={"filter": f"^{re.escape(name)}$"})
        return int(answer.text.rpartition(":")[2])

    async def is_unhealthy(self, cluster: str) -> bool:
        """Return whether health checks have marked an instance of a service unhealthy."""
        return await self.stat(f"cluster.{cluster}.membership_healthy") < await self.stat(
            f"cluster.{cluster}.membership_total"
        )

    async def is_live(self) -> bool:
        try:
            return (await self.admin.get("/ready")).status_code == 200
        except httpx.TransportError:
            return False


@asynccontextmanager
async def edge_running(
    folder: Path,
    addresses: list[str],
    keys: list[dict[str, str]],
    *,
    change: Callable[[Config], None] = lambda _: None,
    **settings: Any,
) -> AsyncIterator[Edge]:
    """Run Envoy, which trusts `keys` and finds every service at `addresses`. `change` may edit its configuration."""
    (port,) = find_free(1)
    admin = sockets.folder_below(folder)
    sockets.create(admin, None)
    given = {"transport": "sidecar", **settings}
    edge_settings = EdgeSettings(
        edge_dir=folder, trust_dir=folder / "trust", edge_port=port, edge_admin_socket=admin / "admin.sock", **given
    )
    files = EdgeFiles(folder)
    for cluster in CLUSTERS:
        write_endpoints(files.endpoints(cluster), cluster, addresses)
    publish_keys(files, keys)
    render(edge_settings)
    config = copy.deepcopy(make_config(edge_settings))
    change(config)
    files.config.write_text(to_yaml(config))
    log = folder / "envoy.log"
    arguments = ("-c", files.config.name, "--concurrency", "1", "--disable-hot-restart")
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            find_envoy(), *arguments, "--file-flush-interval-msec", "20", stdout=output, stderr=output, cwd=folder
        )
    edge = Edge(edge_settings, files, log)
    reporting = asyncio.create_task(Pressure(edge_settings, files.pressure).run())
    try:
        await eventually(edge.is_live)
        yield edge
    finally:
        await cancel(reporting)
        await asyncio.to_thread(shutil.rmtree, admin)
        process.terminate()
        await process.wait()
        await edge.http.aclose()
        await edge.admin.aclose()


def assert_is_error(answer: httpx.Response, status: int, code: int, reason: str) -> Config:
    """Check that an answer is this error with this gRPC code; return the metadata of its ErrorInfo."""
    metadata = assert_error(answer, status, reason)
    assert answer.json()["code"] == code
    return metadata
