"""Measures all variants in turn, repeatedly, and writes the report: `python -m bench.run [--short | --smoke]`.

Variants take turns (platform, untraced, plain, pooled, monolith, two workers, ceiling, platform, …) so that a
temporarily slow machine affects all of them.
"""

import argparse
import sys
import time
from pathlib import Path

from bench import importing, machine, report
from bench.conformance import Conformance, NotConforming
from bench.counting import CountMismatch
from bench.figures import LOADS, Memory, Results
from bench.lines import Lines
from bench.load import LoadFailed
from bench.measuring import Meter, metering
from bench.plan import FULL, SHORT, SMOKE, Plan
from bench.stage import Stage, set_up
from bench.store import measure_store
from bench.variants import Variant
from bench.variants.ceiling import Ceiling
from bench.variants.identity import Identity
from bench.variants.peers import SEED, Peer, copy_seed, make_seed, monolith, pooled
from bench.variants.platform import Platform, make_account
from deploy.local.__main__ import interruptible
from deploy.local.constellation import StartFailed
from deploy.local.database import DATABASE
from deploy.local.layout import FAIRDB

ROOT = FAIRDB / "bench" / "run"


def main() -> int:
    """Run the benchmark, print the tables and write the results. Returns 1 on failure."""
    parser = argparse.ArgumentParser(prog="python -m bench.run", description=__doc__)
    forms = parser.add_mutually_exclusive_group()
    forms.add_argument("--short", action="store_true", help="measure every variant once, a second each")
    forms.add_argument("--smoke", action="store_true", help="measure the platform and one rival, once each")
    arguments = parser.parse_args()
    name, plan = ("short", SHORT) if arguments.short else ("smoke", SMOKE) if arguments.smoke else ("latest", FULL)
    try:
        results = interruptible(measure(plan, ROOT))
    except (CountMismatch, LoadFailed, NotConforming, StartFailed) as error:
        print(f"bench: {error} (logs under {ROOT})", file=sys.stderr)
        return 1
    print(report.publish(results, plan, name))
    return 0


async def measure(plan: Plan, root: Path) -> Results:
    """Measure everything once per repetition."""
    results, began = Results(), time.monotonic()
    async with set_up(root) as stage:
        results.servers = dict(stage.constellation.versions)
        lines = Lines(stage.folder("lines"), plan.bodies)
        identity = Identity.make(stage.folder("identity"))
        account, consent = await make_account(stage.constellation.edge_url)
        peers = await prepare_peers(stage, identity, lines, plan)
        if plan.rival:
            variants: list[Variant] = [Platform(stage), *peers]
        else:
            own = [Platform(stage), Platform(stage, tracing=False), Platform(stage, plain=True)]
            variants = [*own, *peers, Ceiling(stage, identity)]
        conformance = Conformance()
        for repetition in range(1, plan.repetitions + 1):
            for variant in variants:
                print(f"{time.monotonic() - began:4.0f} s  {repetition} {variant.name}", flush=True)
                async with metering(stage, variant, lines, plan.patience, repetition) as meter:
                    await conformance.check(meter)
                    if variant.name != "platform":
                        await measure_variant(meter, plan, results)
                        continue
                    if repetition == 1:
                        await fill(meter, plan)
                        ids = await read_ids(stage, DATABASE, "backend_svc.sample", plan)
                        for name in ("platform", "untraced", "plain", "ceiling"):
                            lines.set_ids(name, ids)
                    await measure_variant(meter, plan, results)
                    results.figures.append(await measure_store(meter, account, consent, plan.seconds))
        if plan.rival:
            return results
        # Measure the import once, at the end, because it takes minutes and stores many samples.
        print(f"{time.monotonic() - began:4.0f} s  import", flush=True)
        async with metering(stage, variants[0], lines, plan.patience, plan.repetitions) as meter:
            results.figures.append(await importing.measure_import(meter, lines.bodies(plan.bodies), plan.imported))
        async with stage.connection(DATABASE) as connection:
            results.figures += await importing.measure_copy(connection, plan.ids, plan.repetitions)
    return results


async def prepare_peers(stage: Stage, identity: Identity, lines: Lines, plan: Plan) -> list[Peer]:
    """Create every peer, and its database with the samples that will be read."""
    await make_seed(stage, identity)
    seed = monolith(stage, identity, 1, database=SEED)
    async with metering(stage, seed, lines, 0.0, 0) as meter:
        await fill(meter, plan)
    peers = [pooled(stage, identity), monolith(stage, identity, 1), monolith(stage, identity, 2)]
    peers = [peer for peer in peers if plan.rival in (None, peer.name)]
    ids = await read_ids(stage, SEED, "sample", plan)
    for peer in peers:
        await copy_seed(stage, peer.database)
        lines.set_ids(peer.name, ids)
    return peers


async def fill(meter: Meter, plan: Plan) -> None:
    """Create at least as many samples as the reads need."""
    created = 0
    while created < plan.ids:
        created += (await meter.closed("POST", 64, plan.seconds)).answered


async def read_ids(stage: Stage, database: str, table: str, plan: Plan) -> list[str]:
    """Return the ids of the first samples, and vacuum the tables."""
    async with stage.connection(database) as connection:
        rows = await connection.fetch(f"SELECT id FROM {table} ORDER BY id LIMIT {plan.ids}")
        await connection.execute("VACUUM ANALYZE")
    return [str(row["id"]) for row in rows]


async def measure_variant(meter: Meter, plan: Plan, results: Results) -> None:
    """Warm a variant up, then measure every load."""
    for method in ("POST", "GET"):
        await meter.closed(method, 16, plan.warm_up_seconds)
    if meter.variant.name == "untraced":
        results.figures.append(await meter.closed("POST", 64, plan.seconds))
        return
    if meter.variant.name == "plain":
        results.figures += [await meter.closed(method, 64, plan.seconds) for method in ("POST", "GET")]
        return
    for method in ("POST", "GET"):
        for connections in LOADS:
            results.figures.append(await meter.closed(method, connections, plan.seconds))
    results.figures.append(await meter.open("POST", plan.open_post_rate, plan.open_seconds))
    results.figures.append(await meter.open("GET", plan.open_get_rate, plan.open_seconds))
    results.memories.append(
        Memory(meter.repetition, meter.variant.name, machine.python_megabytes(meter.variant.roots()))
    )


if __name__ == "__main__":
    sys.exit(main())
