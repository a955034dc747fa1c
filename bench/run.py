"""The run: every variant in turn, again and again, then the report. `python -m bench.run [--short]`.

Variants take turns (platform, untraced, pooled, monolith, two workers, ceiling, platform, …) so that a machine that is
slow for a while is slow for all of them.
"""

import argparse
import asyncio
import shutil
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from bench import importing, machine, report
from bench.counting import CountMismatch
from bench.figures import LOADS, Figure, Memory
from bench.lines import Lines
from bench.load import LoadFailed
from bench.measuring import Meter, metering
from bench.stage import Stage, set_up
from bench.store import measure_store
from bench.variants import Variant
from bench.variants.ceiling import Ceiling
from bench.variants.identity import Identity
from bench.variants.peers import Peer, copy_seed, make_seed, monolith, pooled
from bench.variants.peers import SEED as SEED_DATABASE
from bench.variants.platform import Platform, make_account
from deploy.local.__main__ import interruptible
from deploy.local.constellation import StartFailed
from deploy.local.layout import FAIRDB

ROOT = FAIRDB / "bench" / "run"


@dataclass(frozen=True)
class Plan:
    """How much is measured: repetitions, seconds a run, samples to read, and the rates of the open loop."""

    repetitions: int = 3
    seconds: float = 3.0
    open_seconds: float = 4.0
    warm_up_seconds: float = 1.5
    ids: int = 5_000
    open_post_rate: int = 50
    open_get_rate: int = 100


FULL = Plan()
SHORT = Plan(repetitions=1, seconds=1.0, open_seconds=1.0, warm_up_seconds=0.5, ids=500)


@dataclass
class Results:
    """Everything that was measured, and why something was not."""

    figures: list[Figure] = field(default_factory=list[Figure])
    memories: list[Memory] = field(default_factory=list[Memory])
    missing: dict[str, str] = field(default_factory=dict[str, str])


def main() -> int:
    """Run, print the table, write the results; 1 when anything was not as it has to be."""
    parser = argparse.ArgumentParser(prog="python -m bench.run", description=__doc__)
    parser.add_argument("--short", action="store_true", help="one repetition of a second each: does the harness work?")
    plan = SHORT if parser.parse_args().short else FULL
    try:
        results = interruptible(measure(plan, ROOT))
    except (CountMismatch, LoadFailed, StartFailed) as error:
        print(f"bench: {error} (logs below {ROOT})", file=sys.stderr)
        return 1
    report.publish(results.figures, results.memories, results.missing, machine.describe())
    return 0


async def measure(plan: Plan, root: Path) -> Results:
    """Measure everything once per repetition."""
    results = Results()
    began = time.monotonic()
    async with set_up(root) as stage:
        lines = Lines(stage.folder("lines"))
        identity = Identity.make(stage.folder("identity"))
        account, consent = await make_account(stage.constellation.edge_url)
        variants = await prepare(stage, identity, lines, plan)
        async with stage.connection("fairdb") as connection:
            results.figures += await importing.measure_copy(connection, plan.ids, plan.repetitions)
        for repetition in range(1, plan.repetitions + 1):
            for variant in variants:
                print(f"{time.monotonic() - began:4.0f} s  {repetition} {variant.name}", flush=True)
                async with metering(stage, variant, lines, repetition) as meter:
                    await measure_variant(meter, plan, results)
                    if variant.name == "platform":
                        results.figures.append(await measure_store(meter, account, consent, plan.seconds))
                        imported = await importing.measure_import(meter, lines.bodies(plan.ids))
                        if isinstance(imported, Figure):
                            results.figures.append(imported)
                        else:
                            results.missing["import_vs_copy"] = imported
    shutil.rmtree(stage.root)
    return results


async def prepare(stage: Stage, identity: Identity, lines: Lines, plan: Plan) -> list[Variant]:
    """Make every variant, and in each the samples that are to be read."""
    platform = Platform(stage)
    await fill(stage, platform, lines, plan)
    await make_seed(stage, identity)
    await fill(stage, monolith(stage, identity, 1, database=SEED_DATABASE), lines, plan)
    peers: list[Peer] = [pooled(stage, identity), monolith(stage, identity, 1), monolith(stage, identity, 2)]
    seeded = await read_ids(stage, SEED_DATABASE, "sample", plan)
    for peer in peers:
        await copy_seed(stage, peer.database)
        lines.set_ids(peer.name, seeded)
    created = await read_ids(stage, platform.database, "backend_svc.sample", plan)
    for name in ("platform", "untraced", "ceiling"):
        lines.set_ids(name, created)
    for database in (platform.database, *(peer.database for peer in peers)):
        async with stage.connection(database) as connection:
            await connection.execute("VACUUM ANALYZE")
    return [platform, Platform(stage, tracing=False), *peers, Ceiling(stage, identity)]


async def fill(stage: Stage, variant: Variant, lines: Lines, plan: Plan) -> None:
    """Create as many samples as are to be read, and more."""
    created = 0
    async with metering(stage, variant, lines, 0) as meter:
        while created < plan.ids:
            created += (await meter.closed("POST", 64, plan.seconds)).answered


async def read_ids(stage: Stage, database: str, table: str, plan: Plan) -> list[str]:
    async with stage.connection(database) as connection:
        rows = await connection.fetch(f"SELECT id FROM {table} ORDER BY id LIMIT {plan.ids}")
    return [str(row["id"]) for row in rows]


async def measure_variant(meter: Meter, plan: Plan, results: Results) -> None:
    """Warm a variant up, then measure every load."""
    for method in ("POST", "GET"):
        await meter.closed(method, 16, plan.warm_up_seconds)
    if meter.variant.name == "untraced":
        results.figures.append(await meter.closed("POST", 64, plan.seconds))
        return
    for method in ("POST", "GET"):
        for connections in LOADS:
            results.figures.append(await meter.closed(method, connections, plan.seconds))
    for method, rate in (("POST", plan.open_post_rate), ("GET", plan.open_get_rate)):
        results.figures.append(await meter.open(method, rate, plan.open_seconds))
    results.memories.append(
        Memory(meter.repetition, meter.variant.name, machine.python_megabytes(meter.variant.roots()))
    )


if __name__ == "__main__":
    sys.exit(main())
