"""The releases of the servers that run, as they themselves say; the gateway's health has most of them."""

import httpx

from deploy.local.ports import LOOPBACK

# What health calls the servers that we know by their programs' names.
SERVERS = {"database": "postgres", "cache": "redis", "queue": "rabbitmq", "registry": "consul"}
TIMEOUT = 10.0


async def read_versions(edge_url: str, envoy_admin: int) -> dict[str, str]:
    """Map server names to releases; a server that does not say is left out."""
    async with httpx.AsyncClient(trust_env=False, timeout=TIMEOUT) as client:
        parts = (await client.get(f"{edge_url}/api/health")).json().get("parts", {})
        # "<commit>/1.40.0/Clean/RELEASE/BoringSSL"
        envoy = (await client.get(f"http://{LOOPBACK}:{envoy_admin}/server_info")).json()["version"].split("/")[1]
    found = {server: parts.get(part, {}).get("version", "") for part, server in SERVERS.items()}
    return {name: version for name, version in {**found, "envoy": envoy}.items() if version}
