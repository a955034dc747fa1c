"""RabbitMQ: a private broker in the foreground with its own epmd, independent of any system-wide broker.

By default RabbitMQ's script starts epmd as a daemon that outlives the broker, and the distribution port listens on all
addresses. So we start epmd ourselves, and DISTRIBUTION changes both defaults.

Known problem of RabbitMQ 3.10: if the broker is killed within about a second of declaring a quorum queue, that queue
never gets a leader again, because it is registered on disk late. A test that kills the broker therefore waits until its
queues have existed for two seconds.

It accepts only TLS with a certificate of the platform's authority. The name in the certificate is the account, so there
are no passwords. Certificates are read again for each connection, so a renewal needs no restart.

Each service has an account. All may publish events; only services with consumers may do more. A consumer's queues have
the name of its service as a prefix. The broker creates the exchanges at its start. A service that may declare an
exchange could also delete it.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlencode

import aiormq
from aiormq.exceptions import AMQPError

from chassis.events.broker import DEAD_EXCHANGE, DIRECTORY, EXCHANGE, EXCHANGES
from chassis.files import write_atomically
from chassis.identity.certificates import AUTHORITIES, CERTIFICATE, KEY, OPERATOR
from deploy.local import binaries, probe
from deploy.local.credentials import Credentials, create_once
from deploy.local.layout import Layout
from deploy.local.ports import LOOPBACK, Ports
from deploy.local.process import Command
from deploy.local.servers import plain_environment
from deploy.services import NAMES, find

NODE = "fairdb@localhost"
ADMIN = OPERATOR
CONFIGURATION = """\
listeners.tcp = none
listeners.ssl.default = {host}:{port}
ssl_options.cacertfile = {certificate}/ca.crt
ssl_options.certfile = {certificate}/tls.crt
ssl_options.keyfile = {certificate}/tls.key
ssl_options.verify = verify_peer
ssl_options.fail_if_no_peer_cert = true
ssl_options.versions.1 = tlsv1.3
auth_mechanisms.1 = EXTERNAL
ssl_cert_login_from = common_name
load_definitions = {definitions}
log.console = true
log.console.level = info
log.connection.level = warning
log.file = false
vm_memory_high_watermark.absolute = 512MB
disk_free_limit.absolute = 100MB
raft.wal_max_size_bytes = 33554432
"""
DISTRIBUTION = "-kernel inet_dist_use_interface {127,0,0,1} -start_epmd false"
# By default Erlang keeps certificates for two minutes.
CERTIFICATES = "-ssl bypass_pem_cache true"
# `ra`, the Erlang application below quorum queues, gives up after a few writes in a row have failed, as on a full disk.
# The broker stays up then, but its queues refuse everything. So the broker watches the processes of `ra`, and restarts
# itself inside its operating system process once there is room. Started anew, `ra` continues from its files.
WATCH = """\
Ends = fun() -> element(1, init:get_status()) =:= stopping end,
Works = fun() -> whereis(ra_server_sup_sup) =/= undefined andalso whereis(ra_log_wal) =/= undefined end,
Restart = fun Restart() ->
    timer:sleep(1000),
    case catch rabbit_alarm:get_alarms() of
        [_ | _] -> full;
        _ -> Works() orelse Ends() orelse begin catch rabbit:stop(), catch rabbit:start() end
    end,
    Ends() orelse (Works() andalso rabbit:is_running()) orelse Restart()
end,
Watch = fun Watch(Started) ->
    timer:sleep(1000),
    (Started andalso not Works()) andalso Restart(),
    Ends() orelse Watch(Started orelse rabbit:is_running())
end,
spawn(fun() -> Watch(false) end).
"""
START_WATCH = '-eval file:script(os:getenv("FAIRDB_BROKER_WATCH"))'


@dataclass(frozen=True)
class RabbitMQ:
    layout: Layout
    credentials: Credentials
    port_numbers: Ports
    name: str = "rabbitmq"
    ports: tuple[str, ...] = ("rabbitmq", "rabbitmq_dist", "epmd")

    def url(self, user: str) -> str:
        """Return the URL with the certificate of a service, or of `ADMIN`."""
        folder = self.credentials.authority.folder(user)
        names = {"cafile": AUTHORITIES, "certfile": CERTIFICATE, "keyfile": KEY}
        query = urlencode({"auth": "external", **{key: folder / name for key, name in names.items()}}, quote_via=quote)
        return f"amqps://localhost:{self.port_numbers.rabbitmq}/?{query}"

    async def prepare(self) -> None:
        folder = self.layout.state(self.name)
        folder.mkdir(exist_ok=True)
        definitions = folder / "definitions.json"
        text = CONFIGURATION.format(
            host=LOOPBACK,
            port=self.port_numbers.rabbitmq,
            certificate=self.credentials.authority.folder(self.name),
            definitions=definitions,
        )
        write_atomically(folder / "rabbitmq.conf", text, mode=0o600)
        write_atomically(definitions, json.dumps(self.definitions(), indent=1), mode=0o600)
        write_atomically(folder / "enabled_plugins", "[rabbitmq_auth_mechanism_ssl].\n")
        write_atomically(folder / "watch.erl", WATCH)
        # Without a cookie file Erlang creates a guessable cookie; it refuses a file that other users can read.
        create_once(folder / ".erlang.cookie", lambda: self.credentials.password("erlang_cookie"))

    def definitions(self) -> Mapping[str, object]:
        """Return the accounts and exchanges, which the broker creates or changes at each start."""
        users = [
            # An empty hash matches no password.
            {"name": user, "password_hash": "", "tags": "administrator" if user == ADMIN else ""}
            for user in (ADMIN, *NAMES)
        ]
        permissions = [{"user": user, "vhost": "/", **_permissions(user)} for user in (ADMIN, *NAMES)]
        exchanges = [
            {"name": name, "vhost": "/", "type": type.value, "durable": True, "auto_delete": False, "arguments": {}}
            for name, type in EXCHANGES.items()
        ]
        return {"vhosts": [{"name": "/"}], "users": users, "permissions": permissions, "exchanges": exchanges}

    def commands(self) -> list[Command]:
        folder = self.layout.state(self.name)
        log = self.layout.log(self.name)
        programs = binaries.rabbitmq()
        numbers = self.port_numbers
        plain = {**plain_environment(folder), **binaries.libraries(programs.server)}
        env = {
            **plain,
            "PATH": f"{programs.erlang}:{plain['PATH']}",
            "RABBITMQ_NODENAME": NODE,
            "RABBITMQ_DIST_PORT": str(numbers.rabbitmq_dist),
            "ERL_EPMD_PORT": str(numbers.epmd),
            "ERL_EPMD_ADDRESS": LOOPBACK,
            "RABBITMQ_MNESIA_BASE": str(folder / "data"),
            "RABBITMQ_LOG_BASE": str(folder),
            "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
            "RABBITMQ_PID_FILE": str(folder / "pid"),
            # Ignore the settings of the system-wide broker.
            "RABBITMQ_CONF_ENV_FILE": "/dev/null",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": f"{DISTRIBUTION} {CERTIFICATES} {START_WATCH}",
            "FAIRDB_BROKER_WATCH": str(folder / "watch.erl"),
            # A crash dump would contain the messages in memory.
            "ERL_CRASH_DUMP_BYTES": "0",
            # Makes the script exec the broker instead of waiting for a child, so that the pid is the broker's.
            "RUNNING_UNDER_SYSTEMD": "true",
        }
        epmd = (str(programs.erlang / "epmd"), "-port", str(numbers.epmd), "-address", LOOPBACK)
        return [
            Command(epmd, plain, folder, log),
            Command((str(programs.server),), env, folder, log),
        ]

    async def ready(self) -> bool:
        if not await probe.tcp(self.port_numbers.rabbitmq):
            return False
        try:
            connection = await aiormq.connect(self.url(ADMIN))
        except (AMQPError, OSError):
            return False
        await connection.close()
        return True


def _permissions(user: str) -> dict[str, str]:
    """Return the names of the exchanges and queues that a user may configure, write and read, as patterns."""
    if user == ADMIN:
        return {"configure": ".*", "write": ".*", "read": ".*"}
    if not find(user).consumes:
        return {"configure": "^$", "write": _any_of(EXCHANGE), "read": "^$"}
    queues = rf"{re.escape(user)}\..*"
    # To bind a queue to an exchange, a consumer must be able to read the exchange. It writes to the default exchange to
    # return messages to its queues.
    return {
        "configure": _any_of(DIRECTORY, also=queues),
        "write": _any_of(EXCHANGE, DEAD_EXCHANGE, "amq.default", also=queues),
        "read": _any_of(EXCHANGE, DEAD_EXCHANGE, DIRECTORY, also=queues),
    }


def _any_of(*names: str, also: str = "$^") -> str:
    """Return a pattern for exactly these names, and for what the pattern `also` matches."""
    return f"^({'|'.join([*map(re.escape, names), also])})$"
