"""The third-party servers of a constellation: PostgreSQL, Redis, RabbitMQ, Consul and Envoy.

Each module holds one component, which writes its configuration, returns its commands and reports when it is ready.
All listen only on loopback, keep their state in `<root>/<server>/` and write `<root>/logs/<server>.log`.
"""

import os
from pathlib import Path


def plain_environment(home: Path) -> dict[str, str]:
    """Return a server's environment, which has only PATH from ours. Without TERM, logs contain no colours."""
    return {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "HOME": str(home), "LANG": "C.UTF-8", "TZ": "UTC"}
