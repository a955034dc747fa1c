"""Consul: a single server whose registry and KV survive a restart.

Nobody may read or change anything without a token. Each service's token registers that service only, so no other
program can pose as it. docs/decisions/server-accounts.md gives the reasons.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import NAMESPACE_OID, uuid5

import httpx

from chassis.files import write_atomically
from deploy.local import binaries, probe
from deploy.local.credentials import Credentials
from deploy.local.layout import Layout
from deploy.local.ports import LOOPBACK, Ports
from deploy.local.process import Command
from deploy.local.servers import plain_environment
from deploy.services import NAMES

EDGE_AGENT = "edge_agent"
HOLDERS = (*NAMES, EDGE_AGENT)
"""Who has a token of its own."""
_MANAGEMENT = "management"
# `agent` is for the release, which the gateway shows.
_READ = 'service_prefix "" { policy = "read" } node_prefix "" { policy = "read" } agent_prefix "" { policy = "read" }'


@dataclass(frozen=True)
class Consul:
    layout: Layout
    credentials: Credentials
    port_numbers: Ports
    name: str = "consul"
    ports: tuple[str, ...] = ("consul", "consul_rpc", "consul_serf")

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.port_numbers.consul}"

    async def prepare(self) -> None:
        folder = self.layout.state(self.name)
        folder.mkdir(exist_ok=True)
        configuration = {
            "server": True,
            "bootstrap_expect": 1,
            "node_name": "fairdb",
            "data_dir": str(folder / "data"),
            "bind_addr": LOOPBACK,
            "client_addr": LOOPBACK,
            "ports": {
                "http": self.port_numbers.consul,
                "server": self.port_numbers.consul_rpc,
                "serf_lan": self.port_numbers.consul_serf,
                "serf_wan": -1,
                "dns": -1,
                "grpc": -1,
                "https": -1,
            },
            # Elect a leader after one heartbeat instead of five.
            "performance": {"raft_multiplier": 1},
            # A stopped agent restarts with the same data; leaving would remove the node from the Raft peers.
            "leave_on_terminate": False,
            "disable_update_check": True,
            "enable_script_checks": False,
            "log_level": "WARN",
            "encrypt": self.credentials.gossip_key(),
            "acl": {
                "enabled": True,
                "default_policy": "deny",
                "tokens": {"master": self.token(_MANAGEMENT), "agent": self.token(_MANAGEMENT)},
            },
        }
        # Only this user may read the tokens.
        write_atomically(folder / "consul.json", json.dumps(configuration, indent=1), mode=0o600)

    def commands(self) -> list[Command]:
        folder = self.layout.state(self.name)
        argv = (str(binaries.consul()), "agent", f"-config-file={folder / 'consul.json'}")
        return [Command(argv, plain_environment(folder), folder, self.layout.log(self.name))]

    def token(self, holder: str) -> str:
        """Return the token of a service or of the edge agent."""
        return self.credentials.token(f"consul_{holder}")

    def tokens(self) -> Mapping[str, str]:
        """Return all tokens but the one for management, by holder."""
        return {holder: self.token(holder) for holder in HOLDERS}

    async def ready(self) -> bool:
        """Return whether Consul has a leader and knows all tokens; it learns them here."""
        headers = {"X-Consul-Token": self.token(_MANAGEMENT)}
        # Consul refuses a consistent read until an up-to-date leader exists.
        if await probe.http(f"{self.url}/v1/catalog/nodes?consistent", headers=headers) != 200:
            return False
        async with httpx.AsyncClient(base_url=self.url, headers=headers, trust_env=False) as client:
            try:
                known = {policy["Name"]: policy["ID"] for policy in (await _call(client, "GET", "policies"))}
                for holder in HOLDERS:
                    await self._grant(client, holder, known.get(holder, ""))
            except httpx.HTTPError:
                return False
        return True

    async def _grant(self, client: httpx.AsyncClient, holder: str, policy: str) -> None:
        """Create or replace a holder's policy (its id, or "" if there is none), and create its token."""
        rules = _READ if holder == EDGE_AGENT else f'service "{holder}" {{ policy = "write" }} {_READ}'
        await _call(client, "PUT", f"policy/{policy}" if policy else "policy", {"Name": holder, "Rules": rules})
        token = {
            "AccessorID": str(uuid5(NAMESPACE_OID, holder)),
            "SecretID": self.token(holder),
            "Policies": [{"Name": holder}],
        }
        path = f"token/{token['AccessorID']}"
        answer = await client.get(f"/v1/acl/{path}")
        if answer.status_code == 200 and answer.json()["SecretID"] == self.token(holder):
            return
        if answer.status_code == 200:
            # The file with the token was lost, and made anew.
            await _call(client, "DELETE", path)
        await _call(client, "PUT", "token", token)


async def _call(client: httpx.AsyncClient, method: str, path: str, body: object = None) -> Any:
    """Call Consul's API for access control. Raises httpx.HTTPError."""
    answer = await client.request(method, f"/v1/acl/{path}", json=body)
    answer.raise_for_status()
    return answer.json()
