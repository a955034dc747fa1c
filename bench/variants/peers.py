"""The peers in FastAPI: the monolith with its workers, and four services with pooled clients."""

import asyncio
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from uuid import uuid4

import httpx

from bench.counting import Expectation
from bench.stage import DONORS, Stage
from bench.variants import platform
from bench.variants.identity import Identity
from deploy.local import process
from deploy.local.component import until
from deploy.local.database import role_url
from deploy.local.layout import CHECKOUT
from deploy.local.ports import LOOPBACK, find_free
from deploy.local.process import Child, Command
from privacy_svc.keystore import Keystore

ROLE, PASSWORD = "bench", "bench"
SEED = "bench_seed"
SCHEMA = Path(__file__).parents[1] / "peers" / "schema.sql"
GRANT = """
INSERT INTO consent (id, account, purpose, subject_hash)
SELECT gen_random_uuid(), $1, 'sample_creation', hash FROM unnest($2::bytea[]) AS hash
"""
# The same number of audit rows and events as the platform writes.
EXPECTED = replace(
    platform.EXPECTED,
    query="SELECT (SELECT count(*) FROM sample), (SELECT count(*) FROM audit), (SELECT count(*) FROM outbox)",
    exchange="bench.events",
)
START_LIMIT = 60.0
STOP_LIMIT = 15.0


class PeerFailed(Exception):
    """A peer does not answer."""


@dataclass(frozen=True)
class Program:
    """One FastAPI application, under uvicorn as in production."""

    name: str
    application: str
    workers: int = 1


@dataclass
class Peer:
    """One or more applications. Clients call the first one."""

    name: str
    database: str
    programs: Sequence[Program]
    stage: Stage
    identity: Identity
    expected: Expectation = EXPECTED
    _ports: dict[str, int] = field(default_factory=dict[str, int])
    _children: list[Child] = field(default_factory=list[Child])

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self._ports[self.programs[0].name]}"

    async def start(self) -> None:
        self._ports = dict(zip((p.name for p in self.programs), find_free(len(self.programs)), strict=True))
        self._children = [process.spawn(self._command(program), detached=False) for program in self.programs]
        await asyncio.gather(*(self._wait_for(program) for program in self.programs))

    async def stop(self) -> None:
        await asyncio.gather(*(process.stop(child, STOP_LIMIT) for child in self._children))
        self._children = []

    async def token(self) -> str:
        return self.identity.token()

    async def stranger_token(self) -> str:
        return self.identity.token(str(uuid4()))

    def roots(self) -> Sequence[int]:
        return [child.pid for child in self._children]

    def _command(self, program: Program) -> Command:
        argv = [
            *(sys.executable, "-m", "uvicorn", program.application, "--workers", str(program.workers)),
            *("--host", LOOPBACK, "--port", str(self._ports[program.name]), "--loop", "uvloop", "--http", "httptools"),
            *("--no-access-log", "--log-level", "warning"),
        ]
        log = self.stage.folder("logs") / f"{self.name}.{program.name}.log"
        return Command(tuple(argv), self._environment(), CHECKOUT, log)

    def _environment(self) -> Mapping[str, str]:
        urls = {f"BENCH_{name.upper()}_URL": f"http://{LOOPBACK}:{port}" for name, port in self._ports.items()}
        return {
            **os.environ,
            **urls,
            "BENCH_DATABASE_URL": role_url(self.stage.database_url(self.database), ROLE, PASSWORD),
            "BENCH_BROKER_URL": self.stage.broker_url,
            "BENCH_TRUST_DIR": str(self.identity.trust_dir),
            "BENCH_KEYSTORE_FILE": str(self.identity.keystore),
            "BENCH_SIGNING_KEY_FILE": str(self.identity.service_key),
        }

    async def _wait_for(self, program: Program) -> None:
        """Wait until every worker has answered."""
        seen: set[int] = set()
        child = self._children[self.programs.index(program)]

        async def answered() -> bool:
            try:
                # Use a new client each time, because a connection always reaches the same worker.
                async with httpx.AsyncClient(trust_env=False, timeout=2) as http:
                    answer = await http.get(f"http://{LOOPBACK}:{self._ports[program.name]}/health")
            except httpx.HTTPError:
                return not child.alive()
            seen.add(answer.json()["pid"])
            return len(seen) == program.workers

        if not await until(answered, START_LIMIT) or not child.alive():
            log = self._command(program).log
            raise PeerFailed(f"{program.application} does not serve\n{process.tail(log)}")


def monolith(stage: Stage, identity: Identity, workers: int, *, database: str = "") -> Peer:
    """Return the monolith with `workers` processes."""
    name = "monolith" if workers == 1 else f"monolith{workers}"
    programs = [Program("monolith", "bench.peers.monolith:app", workers)]
    return Peer(name, database or f"bench_{name}", programs, stage, identity)


def pooled(stage: Stage, identity: Identity) -> Peer:
    """Return the four pooled services."""
    names = ("gateway", "auth", "backend", "privacy")
    programs = [Program(name, f"bench.peers.pooled.{name}:app") for name in names]
    return Peer("pooled", "bench_pooled", programs, stage, identity)


async def make_seed(stage: Stage, identity: Identity) -> None:
    """Create the template of the peers' databases: the schema, and the consents of the account and every donor."""
    async with stage.connection("postgres") as connection:
        await connection.execute(f"CREATE ROLE {ROLE} LOGIN PASSWORD '{PASSWORD}'")
        await connection.execute(f"CREATE DATABASE {SEED} OWNER {ROLE}")
    keystore = Keystore.load(identity.keystore)
    hashes = [None, *(keystore.consent_subject(donor) for donor in DONORS)]
    async with stage.connection(SEED) as connection:
        await connection.execute(f"GRANT ALL ON SCHEMA public TO {ROLE}; SET ROLE {ROLE}")
        await connection.execute(SCHEMA.read_text())
        await connection.execute(GRANT, identity.account, hashes)


async def copy_seed(stage: Stage, database: str) -> None:
    """Create the database of a peer."""
    async with stage.connection("postgres") as connection:
        await connection.execute(f"CREATE DATABASE {database} TEMPLATE {SEED} OWNER {ROLE}")
