"""Settings of every service, read from the environment (prefix FAIRDB_) once at start."""

from pathlib import Path
from typing import Literal

from pydantic import SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from chassis.registry.consul import split_url


class Settings(BaseSettings):
    """Addresses, keys and limits of a service. Errors never show the value of a secret."""

    model_config = SettingsConfigDict(env_prefix="FAIRDB_", frozen=True, hide_input_in_errors=True)

    host: str = "127.0.0.1"
    port: int
    metrics_port: int
    database_url: SecretStr
    """postgresql://user:password@host:port/database"""
    redis_url: SecretStr
    """redis://host:port/number"""
    broker_url: SecretStr
    """amqp://user:password@host:port/"""
    consul_url: str
    """http://host:port"""
    signing_key_file: Path
    """PKCS 8 PEM of the service's own Ed25519 key."""
    trust_dir: Path
    """Folder with one `<issuer>.jwks.json` for each issuer whose tokens are accepted."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    drain_seconds: float = 3.0
    """Seconds that a stopping service still answers after it reports NOT_SERVING, so that callers move away first.
    Must exceed the time that Envoy needs to notice: two health checks, a second apart."""

    @field_validator("consul_url")
    @classmethod
    def _check_consul_url(cls, url: str) -> str:
        split_url(url)
        return url
