"""Consul: a single server whose registry and KV survive a restart.

It accepts only TLS with a certificate of the platform's authority. Nobody may read or change anything without a token.
Each service's token registers that service only, so no other program can pose as it.
docs/decisions/server-accounts.md gives the reasons.
"""

import json
import ssl
from dataclasses import dataclass
from typing import Any
from uuid import NAMESPACE_OID, uuid5

import httpx

from chassis.files import write_atomically
from chassis.identity.certificates import AUTHORITIES, CERTIFICATE, EDGE, KEY, OPERATOR
from deploy.local import binaries
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
_NO_CHECK_TIME = ssl.VerifyFlags(0x200000)
"""X509_V_FLAG_NO_CHECK_TIME of OpenSSL, which Python does not name."""
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
        return f"https://{LOOPBACK}:{self.port_numbers.consul}"

    async def prepare(self) -> None:
        folder = self.layout.state(self.name)
        folder.mkdir(exist_ok=True)
        certificate = self.credentials.authority.folder(self.name)
        configuration = {
            "server": True,
            "bootstrap_expect": 1,
            "node_name": "fairdb",
            "data_dir": str(folder / "data"),
            "bind_addr": LOOPBACK,
            "client_addr": LOOPBACK,
            "ports": {
                "http": -1,
                "https": self.port_numbers.consul,
                "server": self.port_numbers.consul_rpc,
                "serf_lan": self.port_numbers.consul_serf,
                "serf_wan": -1,
                "dns": -1,
                "grpc": -1,
            },
            # Elect a leader after one heartbeat instead of five.
            "performance": {"raft_multiplier": 1},
            # A stopped agent restarts with the same data; leaving would remove the node from the Raft peers.
            "leave_on_terminate": False,
            "disable_update_check": True,
            "enable_script_checks": False,
            "log_level": "WARN",
            "encrypt": self.credentials.gossip_key(),
            "ca_file": str(certificate / AUTHORITIES),
            "cert_file": str(certificate / CERTIFICATE),
            "key_file": str(certificate / KEY),
            "tls_min_version": "tls12",
            "verify_incoming": True,
            "verify_outgoing": True,
            # Closes the port on which servers replicate to those without a certificate. This release lets in those with
            # a service's, too (CVE-2021-37219).
            "verify_server_hostname": True,
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

    def environment(self, holder: str) -> dict[str, str]:
        """Return the variables with which a process reaches Consul as `holder`; they are those of Consul's command."""
        folder = self.credentials.authority.folder(EDGE if holder == EDGE_AGENT else holder)
        return {
            "FAIRDB_CONSUL_URL": self.url,
            "CONSUL_HTTP_TOKEN": self.token(holder),
            "CONSUL_CACERT": str(folder / AUTHORITIES),
            "CONSUL_CLIENT_CERT": str(folder / CERTIFICATE),
            "CONSUL_CLIENT_KEY": str(folder / KEY),
        }

    async def ready(self) -> bool:
        """Return whether Consul has a leader and knows all tokens; it learns them here."""
        async with self._client() as client:
            try:
                # Consul refuses a consistent read until an up-to-date leader exists.
                (await client.get("/v1/catalog/nodes?consistent")).raise_for_status()
                known = {policy["Name"]: policy["ID"] for policy in (await _call(client, "GET", "policies"))}
                for holder in HOLDERS:
                    await self._grant(client, holder, known.get(holder, ""))
            except httpx.HTTPError:
                return False
        return True

    async def reload(self) -> None:
        """Make Consul use its renewed certificate for new connections. Raises httpx.HTTPError.

        The one in use may have expired, for example while the machine was suspended.
        """
        async with self._client(verify_time=False) as client:
            (await client.put("/v1/agent/reload")).raise_for_status()

    def _client(self, *, verify_time: bool = True) -> httpx.AsyncClient:
        """Return a client that may do everything."""
        context = self.credentials.authority.client_context(OPERATOR)
        if not verify_time:
            context.verify_flags |= _NO_CHECK_TIME
        headers = {"X-Consul-Token": self.token(_MANAGEMENT)}
        return httpx.AsyncClient(base_url=self.url, headers=headers, trust_env=False, verify=context)

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
