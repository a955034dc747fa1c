"""Settings that every service has, read from the environment (prefix FAIRDB_) once, at start."""

from pathlib import Path
from typing import Literal

from pydantic import SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Where a service listens and what it needs. Values of secrets are never shown in an error."""

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
    """Folder of `<issuer>.jwks.json`: the public keys of everybody whose tokens count."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    drain_seconds: float = 3.0
    """How long a stopping service still answers after it reports NOT_SERVING, so that callers look elsewhere
    first. Longer than Envoy takes to notice: two health checks, a second apart."""
