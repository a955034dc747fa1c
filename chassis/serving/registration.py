"""Finds the generated code of a servicer: its service's descriptor, and the function that adds it to a server."""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import grpc
from google.protobuf import descriptor_pool
from google.protobuf.descriptor import ServiceDescriptor


class Generic:
    """A server, with the methods that generated code calls to add a servicer. It adds only generic handlers.

    Generated code also registers each method by name. In grpcio 1.80 and later, a call of a registered method costs a
    service about a hundred microseconds more (https://github.com/grpc/grpc/issues/43092).
    """

    def __init__(self, server: grpc.aio.Server) -> None:
        self._server = server

    def add_generic_rpc_handlers(self, handlers: Sequence[grpc.GenericRpcHandler]) -> None:
        """Add the handlers of a service."""
        self._server.add_generic_rpc_handlers(handlers)

    def add_registered_method_handlers(self, service: str, handlers: Mapping[str, grpc.RpcMethodHandler]) -> None:
        """Ignore these: they are the same handlers."""


class ServicerUnknown(TypeError):
    """A servicer does not implement exactly one generated service."""


@dataclass(frozen=True, slots=True)
class GeneratedService:
    """The generated code of one service."""

    descriptor: ServiceDescriptor
    add_to_server: Callable[[object, grpc.aio.Server], None]

    @classmethod
    def of(cls, servicer: type) -> "GeneratedService":
        """Return the service that a servicer class implements. Raises ServicerUnknown unless it is exactly one."""
        name = servicer.__name__
        bases = [base for base in servicer.__mro__ if base.__module__.endswith("_pb2_grpc")]
        if not bases:
            raise ServicerUnknown(f"{name} must inherit from a generated ...Servicer class")
        if len(bases) > 1:
            services = ", ".join(base.__name__ for base in bases)
            raise ServicerUnknown(f"{name} implements several services ({services}): write one class for each")
        (base,) = bases
        generated = sys.modules[base.__module__]
        # A protobuf package has the name of its folder, so the module's name contains the package's name.
        package, _, _ = base.__module__.rpartition(".")
        descriptor = descriptor_pool.Default().FindServiceByName(f"{package}.{base.__name__.removesuffix('Servicer')}")
        return cls(descriptor, getattr(generated, f"add_{base.__name__}_to_server"))
