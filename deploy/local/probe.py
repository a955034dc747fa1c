"""Readiness probes: TCP, HTTP and gRPC health. None raises if the peer does not answer."""

import asyncio
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import httpx
from grpc_health.v1 import health_pb2, health_pb2_grpc

TIMEOUT = 2.0


async def tcp(port: int) -> bool:
    """Return whether a server accepts connections on the loopback port."""
    try:
        _, writer = await asyncio.wait_for(asyncio.open_connection("127.0.0.1", port), TIMEOUT)
    except (OSError, TimeoutError):
        return False
    writer.close()
    return True


async def http(url: str, timeout: float = TIMEOUT, socket: Path | None = None) -> int:
    """Return the status code of a GET request, 0 if there is no answer. Ignores proxies in the environment.

    With `socket`, the server listens on that Unix socket.
    """
    transport = None if socket is None else httpx.AsyncHTTPTransport(uds=str(socket))
    async with httpx.AsyncClient(trust_env=False, timeout=timeout, transport=transport) as client:
        try:
            return (await client.get(url)).status_code
        except httpx.HTTPError:
            return 0


async def grpc_serving(channel: grpc.aio.Channel) -> bool:
    """Return whether the server's overall gRPC health (service "") is SERVING."""
    stub: Any = health_pb2_grpc.HealthStub(channel)  # the package ships no types for it
    try:
        reply = await stub.Check(health_pb2.HealthCheckRequest(service=""), timeout=TIMEOUT)
    except grpc.aio.AioRpcError:
        return False
    return bool(reply.status == health_pb2.HealthCheckResponse.SERVING)
