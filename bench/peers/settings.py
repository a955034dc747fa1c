"""Settings of the peers: environment variables that the benchmark sets."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Self


@dataclass(frozen=True)
class Settings:
    """The settings of a peer's process; `urls` maps the pooled services to their addresses."""

    database_url: str
    broker_url: str
    trust_dir: Path
    keystore_file: Path
    signing_key_file: Path
    urls: dict[str, str]

    @classmethod
    def from_environment(cls) -> Self:
        """Read the BENCH_ variables."""
        env = os.environ
        return cls(
            env["BENCH_DATABASE_URL"],
            env["BENCH_BROKER_URL"],
            Path(env["BENCH_TRUST_DIR"]),
            Path(env["BENCH_KEYSTORE_FILE"]),
            Path(env["BENCH_SIGNING_KEY_FILE"]),
            {name: env.get(f"BENCH_{name.upper()}_URL", "") for name in ("auth", "backend", "privacy")},
        )
