"""FAIRDatabase for Python programs: `Session` over REST, `connect` for the generated gRPC stubs.

The names are loaded on first use: services import `fairdatabase.policy` but do not need the client.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fairdatabase.client import ApiError, Session, connect

__all__ = ["ApiError", "Session", "connect"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'fairdatabase' has no attribute {name!r}")
    from fairdatabase import client

    return getattr(client, name)
