"""The command: `python -m deploy.local up | down | status | logs | run -- CMD | exec SERVICE -- CMD`.

`up` leaves the constellation running on its well-known ports (see `ports` for how to move them), with its state in
`.fairdb/up`. Servers that FAIRDB_DATABASE_URL (an administrator's), FAIRDB_REDIS_URL, FAIRDB_BROKER_URL and
FAIRDB_CONSUL_URL name are used instead of started.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Coroutine, Iterable
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from rich.console import Console
from rich.table import Table

from deploy.local import privileges
from deploy.local.binaries import ProgramUnusable, ServerMissing
from deploy.local.constellation import Constellation, StartFailed, end_all
from deploy.local.layout import FAIRDB, Layout
from deploy.local.ledger import Ledger
from deploy.local.plan import PARTS, External
from deploy.local.ports import Ports, PortTaken, PortUnreadable
from deploy.local.rootlock import RootInUse, root_lock
from deploy.services import NAMES

app = typer.Typer(help="The constellation on this machine.", no_args_is_help=True, add_completion=False)
console = Console()
Root = Annotated[Path, typer.Option(help="The folder that holds all state.")]
T = TypeVar("T")
UP = FAIRDB / "up"


class AlreadyUp(Exception):
    """`up` was asked for something else than what is up."""


@app.command()
def up(root: Root = UP) -> None:
    """Start everything, leave it running and print where it is."""
    ledger = Ledger.read(Layout(root).ledger)
    ports = Ports.defaults()
    if ledger.all_alive():
        if ledger.ports != ports.numbers():
            raise AlreadyUp("already up, on other ports: `make down` first")
        console.print(f"already up (state in {root})")
        show(ledger)
        return
    if ledger.up and (ended := in_order({*ledger.parts} - {*ledger.alive()})):
        console.print(f"{', '.join(ended)} had ended: starting everything anew", soft_wrap=True)
    constellation = Constellation(root, ports, External.from_environment(), detached=True)
    interruptible(constellation.start_all())
    show(Ledger.read(Layout(root).ledger))


@app.command()
def down(root: Root = UP) -> None:
    """End what `up` started: exactly those processes, services first."""
    layout = Layout(root)
    with root_lock(layout.lock):
        ledger = Ledger.read(layout.ledger)
        alive = ledger.alive()
        interruptible(end_all(ledger))
    console.print(f"ended {', '.join(in_order(alive))}" if alive else "nothing is up", soft_wrap=True)


@app.command()
def status(root: Root = UP) -> None:
    """Show each part; exit code 1 unless all of them run."""
    ledger = Ledger.read(Layout(root).ledger)
    show(ledger)
    raise typer.Exit(0 if ledger.all_alive() else 1)


@app.command()
def logs(
    parts: Annotated[list[str] | None, typer.Argument(help="Parts to show; all of them by default.")] = None,
    follow: Annotated[bool, typer.Option(help="Go on with what is added.")] = True,
    lines: Annotated[int, typer.Option(help="How many lines to begin with.")] = 20,
    root: Root = UP,
) -> None:
    """Print the logs and follow them."""
    layout = Layout(root)
    files = [layout.log(part) for part in parts] if parts else sorted((root / "logs").glob("*.log"))
    if unknown := [file.stem for file in files if not file.exists()]:
        known = ", ".join(sorted(file.stem for file in (root / "logs").glob("*.log")))
        raise typer.BadParameter(f"no log of {', '.join(unknown)}; there are those of {known}")
    if not files:
        raise typer.BadParameter(f"no logs in {root / 'logs'}")
    words = ["tail", "-n", str(lines), *(["-F"] if follow else []), *map(str, files)]
    os.execvp(words[0], words)


@app.command()
def run(
    command: Annotated[list[str], typer.Argument(help="The command and its arguments, after `--`.")],
    free: Annotated[bool, typer.Option("--free", help="Use free ports instead of the well-known ones.")] = False,
    root: Root = FAIRDB / "run",
) -> None:
    """Start everything, run CMD with FAIRDB_EDGE_URL in its environment, stop everything, end as CMD did."""
    ports = Ports.free() if free else Ports.defaults()
    constellation = Constellation(root, ports, External.from_environment())
    raise typer.Exit(interruptible(run_in(constellation, command)))


@app.command(name="exec")
def execute(
    service: Annotated[str, typer.Argument(help="Whose environment to use.")],
    command: Annotated[list[str], typer.Argument(help="The command and its arguments, after `--`.")],
    root: Root = UP,
) -> None:
    """Run CMD with the environment that `up` gives a service."""
    ledger = Ledger.read(Layout(root).ledger)
    # One part that died is a reason to look with this command, not against it.
    if not ledger.alive():
        raise typer.BadParameter("nothing is up: run `make up` first")
    if service not in (*NAMES, "edge_agent"):
        raise typer.BadParameter(f"no such service: {service}; there are {', '.join(NAMES)} and edge_agent")
    constellation = Constellation(root, Ports.of(ledger.ports), External.from_environment())
    os.execvpe(command[0], command, constellation.env_of(service))


async def run_in(constellation: Constellation, command: list[str]) -> int:
    async with constellation:
        env = {
            **os.environ,
            "FAIRDB_EDGE_URL": constellation.edge_url,
            "FAIRDB_ROOT": str(constellation.layout.root),
        }
        process = await asyncio.create_subprocess_exec(*privileges.prefix("TERM", None), *command, env=env)
        try:
            code = await process.wait()
        except asyncio.CancelledError:
            if process.returncode is None:
                process.terminate()
            await process.wait()
            raise
    return code if code >= 0 else 128 - code


def interruptible(work: Coroutine[Any, Any, T]) -> T:
    """Run the work. SIGINT and SIGTERM cancel it once, so that it ends what it started; then they end us."""
    received: list[signal.Signals] = []

    async def watched() -> T:
        task = asyncio.ensure_future(work)
        loop = asyncio.get_running_loop()

        def interrupt(number: signal.Signals) -> None:
            # Only the first: a second one would cut short the ending of what runs.
            if not received:
                received.append(number)
                task.cancel()

        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, interrupt, number)
        return await task

    try:
        return asyncio.run(watched())
    except asyncio.CancelledError:
        raise typer.Exit(128 + (received[0] if received else signal.SIGINT)) from None


def show(ledger: Ledger) -> None:
    table = Table("part", "version", "address", "pid", "state")
    alive = ledger.alive()
    for name in in_order({*ledger.parts, *ledger.addresses}):
        pid = str(ledger.parts[name][-1].pid) if name in ledger.parts else ""
        state = "runs" if name in alive else "ended" if name in ledger.parts or not ledger.up else "given"
        table.add_row(name, ledger.versions.get(name, ""), ledger.addresses.get(name, ""), pid, state)
    console.print(table)
    if ledger.up and {*ledger.parts} - {*alive}:
        console.print("Some parts have ended: `make up` starts everything anew, with its data.")
    if ledger.up and "envoy" in alive:
        console.print(f"REST: http://{ledger.addresses['envoy']}/api/health")


def in_order(names: Iterable[str]) -> list[str]:
    return sorted(names, key=PARTS.index)


def main() -> int:
    """Run the command; an error that an operator can fix is one message, not a stack trace."""
    try:
        app()
    except (AlreadyUp, StartFailed, PortTaken, PortUnreadable, ProgramUnusable, RootInUse, ServerMissing) as error:
        print(f"fairdb: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
