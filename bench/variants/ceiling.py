"""The ceiling: the platform's Envoy, configured by the same code, in front of a gRPC server that does nothing."""

import sys
from collections.abc import Sequence
from dataclasses import replace
from uuid import uuid4

import grpc
from google.protobuf.json_format import Parse

from bench.records import write_records
from bench.stage import NO_LIMIT, Stage
from bench.variants.identity import Identity
from deploy.local import probe, process
from deploy.local.component import until
from deploy.local.layout import CHECKOUT, Layout
from deploy.local.ports import LOOPBACK, Ports, find_free
from deploy.local.process import Child, Command
from deploy.local.servers.envoy import Envoy
from deploy.local.services import EdgeAgent, Urls
from edge.contract import CLUSTERS
from edge.endpoints import write_endpoints
from edge.files import EdgeFiles
from fairdatabase.policy.records.anonymisation import Anonymiser
from fairdatabase.policy.tables.reader import load_policy
from fairdb.samples.v1.sample_pb2 import RawSample, Sample

START_LIMIT = 30.0
STOP_LIMIT = 15.0


class CeilingFailed(Exception):
    """The ceiling does not answer."""


class Ceiling:
    """Envoy and one gRPC server."""

    name = "ceiling"
    database = ""
    expected = None

    def __init__(self, stage: Stage, identity: Identity) -> None:
        self._identity = identity
        self._folder = stage.folder(self.name)
        self._layout = Layout(self._folder)
        self._layout.create()
        self._children: list[Child] = []
        self._ports = replace(Ports(), edge=0)

    @property
    def url(self) -> str:
        return Envoy(self._layout, self._ports).url

    async def start(self) -> None:
        port, edge_port = find_free(2)
        self._ports = replace(Ports(), edge=edge_port)
        sample = self._folder / "sample.binpb"
        sample.write_bytes(_ready_sample(self._identity.account).SerializeToString())
        argv = (sys.executable, "-m", "bench.peers.ceiling", str(port), str(sample))
        server = Command(argv, {}, CHECKOUT, self._layout.log("server"))
        await self._configure(f"{LOOPBACK}:{port}")
        envoy = Envoy(self._layout, self._ports)
        await envoy.prepare()
        self._children = [process.spawn(command, detached=False) for command in (server, *envoy.commands())]

        async def answers() -> bool:
            async with grpc.aio.insecure_channel(f"{LOOPBACK}:{port}") as channel:
                ready = await probe.grpc_serving(channel) and await envoy.ready()
            # Envoy is ready when it answers 401: it does so for a call without a token, on every path that it knows.
            return ready and await probe.http(f"{self.url}/api/samples/x") == 401

        if not await until(answers, START_LIMIT):
            raise CeilingFailed(process.tail(self._layout.log("server")) + process.tail(self._layout.log("envoy")))

    async def stop(self) -> None:
        for child in reversed(self._children):
            await process.stop(child, STOP_LIMIT)
        self._children = []

    async def token(self) -> str:
        return self._identity.token()

    async def stranger_token(self) -> str:
        return self._identity.token(str(uuid4()))

    def roots(self) -> Sequence[int]:
        return [child.pid for child in self._children]

    async def _configure(self, address: str) -> None:
        """Render Envoy's configuration with the edge's own command, with the same address for every service."""
        files = EdgeFiles(self._layout.envoy)
        for cluster in CLUSTERS:
            write_endpoints(files.endpoints(cluster), cluster, [address])
        extra = {**NO_LIMIT, "FAIRDB_TRUST_DIR": str(self._identity.trust_dir), "FAIRDB_TRANSPORT": "sidecar"}
        await EdgeAgent(
            self._layout,
            self._ports,
            Urls({}, {}, {}, {"edge_agent": {"FAIRDB_CONSUL_URL": "http://127.0.0.1:1"}}),
            extra,
        ).prepare()


def _ready_sample(owner: str) -> Sample:
    raw = Parse(write_records(1)[0], RawSample())
    done = Anonymiser(load_policy()).anonymise(raw, lambda _: "p-abcdefghijklmnopqrstuvwxyz")
    sample = done.sample
    sample.id, sample.study, sample.owner, sample.etag = owner, owner, owner, '"1"'
    sample.state = Sample.STATE_STORED
    sample.create_time.GetCurrentTime()
    sample.update_time.CopyFrom(sample.create_time)
    sample.dropped_fields[:] = done.dropped_fields
    return sample
