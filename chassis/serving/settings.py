"""Settings of every service, read from the environment (prefix FAIRDB_) once at start."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from chassis.identity.certificates import Security
from chassis.registry.consul import split_url


class Settings(BaseSettings):
    """Addresses, keys and limits of a service. Errors never show the value of a secret."""

    model_config = SettingsConfigDict(env_prefix="FAIRDB_", frozen=True, hide_input_in_errors=True)

    host: str = "127.0.0.1"
    port: int
    metrics_port: int
    database_url: SecretStr
    """postgresql://user:password@host:port/database, with `?sslmode=verify-full&sslrootcert=FILE` for TLS"""
    redis_url: SecretStr
    """redis://host:port/number, or `rediss://` for TLS"""
    broker_url: SecretStr
    """amqp://user:password@host:port/, or `amqps://` for TLS"""
    consul_url: str
    """http://host:port, or `https://` with the variables CONSUL_CACERT, CONSUL_CLIENT_CERT and CONSUL_CLIENT_KEY"""
    signing_key_file: Path
    """PKCS 8 PEM of the service's own Ed25519 key."""
    trust_dir: Path
    """Folder with one `<issuer>.jwks.json` for each issuer whose tokens are accepted."""
    transport: Security = "mtls"
    """`mtls`: the service shows a certificate to its peers and requires theirs. `sidecar`: a sidecar does both."""
    certificate_dir: Path | None = None
    """Folder with `tls.crt`, `tls.key` and `ca.crt`, for `mtls`. The service notices a renewal within a second."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    account_calls: Annotated[int, Field(gt=0)] = 64
    """Calls of one account that are served at the same time, and half as many of an account that is younger than a day;
    further ones are answered with 429. An import is one call."""
    drain_seconds: float = 3.0
    """Seconds that a stopping service still answers after it reports NOT_SERVING, so that callers move away first.
    Must exceed the time that Envoy needs to notice: two health checks, a second apart."""

    @model_validator(mode="after")
    def _check_transport(self) -> Self:
        if self.transport == "mtls" and self.certificate_dir is None:
            raise ValueError(
                "FAIRDB_CERTIFICATE_DIR must name the folder of the service's certificate, unless FAIRDB_TRANSPORT is"
                " `sidecar`"
            )
        return self

    @field_validator("consul_url")
    @classmethod
    def _check_consul_url(cls, url: str) -> str:
        split_url(url)
        return url
