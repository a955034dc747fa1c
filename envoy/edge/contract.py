"""The public API according to the protos: each public RPC, its service, its access rule."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from google.api import annotations_pb2
from google.protobuf.descriptor_pb2 import FileDescriptorSet, MethodDescriptorProto

from deploy.services import SERVICES
from edge.schemas import Schemas
from fairdb.options.v1 import access_pb2

# Each public gRPC service, with the program that serves it. Clients cannot reach other gRPC services.
UPSTREAMS = {public: service.name for service in SERVICES for public in service.serves}
_ANY_FORM = ".google.api.HttpBody"
"""The type of a body that is passed on unchanged."""
CLUSTERS = tuple(sorted(set(UPSTREAMS.values())))


class ContractError(Exception):
    """The protos and the edge disagree about what is public."""


@dataclass(frozen=True)
class PublicRpc:
    """One RPC that clients may call, over gRPC and over REST. A stream may lack a REST path."""

    service: str
    method: str
    cluster: str
    verb: str
    """HTTP method in lower case; "" without a REST path."""
    anyone: bool
    rest_path: str = ""
    """Path template from the proto: "/api/consents/{id}:withdraw"."""
    body: str = ""
    """The name of the message that the JSON body contains; empty if the call takes no JSON."""
    query: tuple[str, ...] = ()
    """Names of the query parameters, in both spellings that the transcoder accepts."""
    streams: bool = False
    """Whether request and answer are streams, which may have any length and duration."""

    @property
    def path(self) -> str:
        """The gRPC path: "/fairdb.samples.v1.SampleService/GetSample"."""
        return f"/{self.service}/{self.method}"

    @property
    def name(self) -> str:
        """The name in logs: "SampleService.GetSample"."""
        return f"{self.service.rpartition('.')[2]}.{self.method}"

    @property
    def safe(self) -> bool:
        """Whether the call only reads, so that a retry changes nothing."""
        return self.verb == "get"


def read_public_rpcs(descriptors: bytes) -> tuple[PublicRpc, ...]:
    """Return every public RPC of a descriptor set.

    Raises ContractError when a public RPC has no access rule, when a public RPC that does not stream has no REST path,
    when an internal RPC has a REST path, and when a public service is missing.
    """
    found: dict[str, list[PublicRpc]] = {}
    files = FileDescriptorSet.FromString(descriptors)
    schemas = Schemas(files)
    for service, method in _methods(files):
        rule = method.options.Extensions[annotations_pb2.http]  # pyright: ignore[reportArgumentType]
        verb = rule.WhichOneof("pattern")
        cluster = UPSTREAMS.get(service)
        if cluster is None:
            if verb:
                raise ContractError(f"{service}.{method.name} has a REST path but {service} is not public")
            continue
        streams = method.client_streaming and method.server_streaming
        if not verb and not streams:
            raise ContractError(f"{service}.{method.name} is public but has no REST path")
        if not method.options.HasExtension(access_pb2.access):
            raise ContractError(f"{service}.{method.name} does not declare who may call it")
        anyone = method.options.Extensions[access_pb2.access].anyone
        path = getattr(rule, verb) if verb else ""
        body, query = _body_and_query(rule.body, path, schemas, method.input_type)
        rpc = PublicRpc(service, method.name, cluster, verb or "", anyone, path, body, query, streams)
        found.setdefault(service, []).append(rpc)
    if missing := UPSTREAMS.keys() - found.keys():
        raise ContractError(f"the protos lack {', '.join(sorted(missing))}")
    return tuple(rpc for service in sorted(found) for rpc in found[service])


def _body_and_query(body: str, path: str, schemas: Schemas, input_type: str) -> tuple[str, tuple[str, ...]]:
    """Return the message in a call's body, and the names of its query parameters."""
    if body == "*":
        return input_type, ()
    bound = set(re.findall(r"\{(\w+)\}", path))
    query = tuple(schemas.query_names(input_type, bound | {body}))
    if not body:
        return "", query
    of_body = next(field.type_name for field in schemas.message(input_type).field if field.name == body)
    return ("" if of_body == _ANY_FORM else of_body), query


def _methods(files: FileDescriptorSet) -> Iterator[tuple[str, MethodDescriptorProto]]:
    for file in files.file:
        for service in file.service:
            for method in service.method:
                yield f"{file.package}.{service.name}", method
