"""The ceiling: a gRPC server that answers every creation and every read with the same prepared sample.

Run as `python -m bench.peers.ceiling PORT SAMPLE`; SAMPLE is a file with a serialized `Sample`. No service
behind this Envoy can be faster if it is a single Python process and each request is one call.
"""

import asyncio
import signal
import sys
from pathlib import Path

import grpc
import uvloop
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1._async import HealthServicer

from fairdb.samples.v1 import sample_service_pb2 as pb
from fairdb.samples.v1 import sample_service_pb2_grpc
from fairdb.samples.v1.sample_pb2 import Sample

Context = grpc.aio.ServicerContext


class Ready(sample_service_pb2_grpc.SampleServiceServicer):
    """Answers without doing any work."""

    def __init__(self, sample: Sample) -> None:
        self._sample = sample

    async def CreateSample(self, request: pb.CreateSampleRequest, context: Context) -> Sample:
        return self._sample

    async def GetSample(self, request: pb.GetSampleRequest, context: Context) -> Sample:
        return self._sample


async def serve(port: int, sample: Sample) -> None:
    """Serve until SIGTERM."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
    servicer = Ready(sample)  # pyright: ignore[reportAbstractUsage]  other methods answer UNIMPLEMENTED
    sample_service_pb2_grpc.add_SampleServiceServicer_to_server(servicer, server)
    health = HealthServicer()
    await health.set("", health_pb2.HealthCheckResponse.SERVING)
    health_pb2_grpc.add_HealthServicer_to_server(health, server)
    server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    await stop.wait()
    await server.stop(None)


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1]), Sample.FromString(Path(sys.argv[2]).read_bytes())))
