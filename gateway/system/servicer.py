"""SystemService."""

import grpc

from chassis.errors import ServiceUnavailable
from chassis.registry.discovery import Registry
from fairdb.system.v1 import system_service_pb2 as pb
from fairdb.system.v1 import system_service_pb2_grpc
from gateway.system import health

Context = grpc.aio.ServicerContext


class SystemServicer(system_service_pb2_grpc.SystemServiceServicer):
    """Reports health, and lists running instances."""

    def __init__(self, system_health: health.Health, registry: Registry) -> None:
        self._health = system_health
        self._registry = registry

    async def GetHealth(self, request: pb.GetHealthRequest, context: Context) -> pb.SystemHealth:
        answer = await self._health.get()
        if answer.status == health.CRITICAL:
            await context.send_initial_metadata((("x-http-code", "503"),))
        return answer

    async def ListServices(self, request: pb.ListServicesRequest, context: Context) -> pb.ListServicesResponse:
        try:
            instances = await self._registry.instances()
        except Exception:
            # The client library raises many types; each means that the registry is unavailable.
            raise ServiceUnavailable(service="registry") from None
        return pb.ListServicesResponse(
            instances=[
                pb.ServiceInstance(service=item.service, id=item.id, address=item.address, passing=item.passing)
                for item in instances
            ]
        )
