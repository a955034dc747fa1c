"""Consul: a single server whose registry and KV survive a restart."""

import json
from dataclasses import dataclass

from chassis.files import write_atomically
from deploy.local import binaries, probe
from deploy.local.layout import Layout
from deploy.local.ports import LOOPBACK, Ports
from deploy.local.process import Command
from deploy.local.servers import plain_environment


@dataclass(frozen=True)
class Consul:
    layout: Layout
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
        }
        write_atomically(folder / "consul.json", json.dumps(configuration, indent=1))

    def commands(self) -> list[Command]:
        folder = self.layout.state(self.name)
        argv = (str(binaries.consul()), "agent", f"-config-file={folder / 'consul.json'}")
        return [Command(argv, plain_environment(folder), folder, self.layout.log(self.name))]

    async def ready(self) -> bool:
        # Consul refuses a consistent read until an up-to-date leader exists.
        return await probe.http(f"{self.url}/v1/catalog/nodes?consistent") == 200
