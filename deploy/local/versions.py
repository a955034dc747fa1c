"""The releases of the running servers, as the servers report them; most come from the gateway's health response."""

from pathlib import Path
from typing import Any

import httpx

from deploy.local.component import until

# The names in the health response, and our names for the same servers.
SERVERS = {"database": "postgres", "cache": "redis", "queue": "rabbitmq", "registry": "consul"}
TIMEOUT = 10.0
HEALTHY_LIMIT = 10.0
"""Seconds to wait until all servers are healthy. One that has answered late has not told its release."""


async def read_versions(edge_url: str, envoy_admin: Path) -> dict[str, str]:
    """Return releases by server name, without servers that do not report one."""
    health: dict[str, Any] = {}
    async with httpx.AsyncClient(trust_env=False, timeout=TIMEOUT) as client:

        async def healthy() -> bool:
            nonlocal health
            health = (await client.get(f"{edge_url}/api/health")).json()
            return health.get("status") == "healthy"

        await until(healthy, HEALTHY_LIMIT, pause=0.5)
    parts = health.get("parts", {})
    transport = httpx.AsyncHTTPTransport(uds=str(envoy_admin))
    async with httpx.AsyncClient(transport=transport, timeout=TIMEOUT) as admin:
        # The text has the form "<commit>/1.40.0/Clean/RELEASE/BoringSSL".
        envoy = (await admin.get("http://envoy/server_info")).json()["version"].split("/")[1]
    found = {server: parts.get(name, {}).get("version", "") for name, server in SERVERS.items()}
    return {name: version for name, version in {**found, "envoy": envoy}.items() if version}
