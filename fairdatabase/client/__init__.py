"""The Python client of FAIRDatabase.

Over REST: `Session`. Over gRPC: the stubs under `fairdb.*`, with `connect` for the channel.
"""

from fairdatabase.client.channel import connect
from fairdatabase.client.session import ApiError, Session

__all__ = ["ApiError", "Session", "connect"]
