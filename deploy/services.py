"""The list of the platform's services. Deployment, edge, credentials, tests and documentation are derived from it.

docs/howto/add-a-service.md lists the other files that a new service needs.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class KeyFile:
    """A file of secret keys that one service reads. Each key is 32 random bytes in base64."""

    setting: str
    """The service's setting for the path, such as "keystore_file"."""
    name: str
    keys: tuple[str, ...] = ()
    """Names of the keys in the file's JSON object. When empty, the file holds a single key."""

    @property
    def variable(self) -> str:
        """The environment variable that sets the path."""
        return f"FAIRDB_{self.setting.upper()}"


@dataclass(frozen=True)
class Service:
    """A gRPC service: a Python package run as `python -m NAME`, registered in Consul under the same name."""

    name: str
    port: int
    metrics_port: int
    serves: tuple[str, ...] = ()
    """Its public gRPC services. The edge routes only these; clients cannot reach any other."""
    key_files: tuple[KeyFile, ...] = ()
    consumes: bool = False
    """Whether it consumes events, and so has queues in RabbitMQ."""

    @property
    def label(self) -> str:
        """The short name used in variables: FAIRDB_PORT_AUTH sets the port of auth_svc."""
        return self.name.removesuffix("_svc")


SERVICES = (
    Service("auth_svc", 8001, 9101, serves=("fairdb.auth.v1.AuthService",)),
    Service("backend_svc", 8002, 9102, consumes=True),
    Service(
        "privacy_svc",
        8003,
        9103,
        serves=("fairdb.privacy.v1.ConsentService", "fairdb.privacy.v1.StudyService"),
        key_files=(KeyFile("keystore_file", "privacy_keystore.json", ("pseudonym", "consent")),),
    ),
    Service(
        "gateway",
        8004,
        9104,
        serves=(
            "fairdb.samples.v1.DataUseService",
            "fairdb.samples.v1.ImportService",
            "fairdb.samples.v1.NotificationService",
            "fairdb.samples.v1.SampleService",
            "fairdb.system.v1.SagaService",
            "fairdb.system.v1.SystemService",
        ),
        key_files=(KeyFile("fingerprint_key_file", "gateway.fingerprint.key"),),
    ),
)
NAMES = tuple(service.name for service in SERVICES)
SERVERS = ("postgres", "redis", "rabbitmq", "consul")
"""The servers that the services use."""


def find(name: str) -> Service:
    """Return the service of this name."""
    return next(service for service in SERVICES if service.name == name)
