"""The third-party servers of a constellation: PostgreSQL, Redis, RabbitMQ, Consul and Envoy.

Each module owns one: a frozen value that writes its configuration, gives its commands and tells when it is ready.
All listen on loopback only, keep their state in `<root>/<server>/` and write `<root>/logs/<server>.log`.
"""

import os
from pathlib import Path


def plain_environment(home: Path) -> dict[str, str]:
    """Return the environment of a server: nothing from ours but PATH. Without TERM it writes no colours into logs."""
    return {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "HOME": str(home), "LANG": "C.UTF-8", "TZ": "UTC"}
