"""TLS to a Redis server (`rediss://`) with a certificate that is renewed while the process runs.

redis-py reads the files of `ssl_ca_certs`, `ssl_certfile` and `ssl_keyfile` once for each connection of its pool, and
uses them again whenever that connection reconnects, even when the certificate has expired. Reading them takes
milliseconds, so all connections share what was read, until a file changes.
"""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from ssl import SSLContext
from typing import Any

from redis.asyncio.connection import RedisSSLContext, SSLConnection

_Version = tuple[tuple[int, int], ...]


class RenewingConnection(SSLConnection):
    """A connection that uses the current certificate whenever it connects."""

    def _connection_arguments(self) -> Mapping[str, Any]:
        chosen = {name: getattr(self.ssl_context, name) for name in RedisSSLContext.__slots__ if name != "context"}
        files = (self.ssl_context.ca_certs, self.ssl_context.certfile, self.ssl_context.keyfile)
        states = [Path(file).stat() for file in files if file]
        version = tuple((state.st_mtime_ns, state.st_ino) for state in states)
        hashable = {name: tuple(value) if isinstance(value, list) else value for name, value in chosen.items()}
        self.ssl_context.context = _read(version, **hashable)
        return super()._connection_arguments()


@lru_cache(maxsize=4)
def _read(version: _Version, **chosen: Any) -> SSLContext:
    """Read the files; `version` says which version of them."""
    return RedisSSLContext(**chosen).get()
