"""The command: `python -m deploy.local up | down | certs | status | logs | run -- CMD | exec SERVICE -- CMD`.

`up` leaves the platform running on its default ports (`ports` explains how to change them), with its state in
`.fairdb/up`. To use an external server instead of starting one, set FAIRDB_DATABASE_URL (an administrator's URL),
FAIRDB_REDIS_URL, FAIRDB_BROKER_URL or FAIRDB_CONSUL_URL.
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
from deploy.local.authority import HOLDERS, Authority
from deploy.local.binaries import ProgramUnusable, ServerMissing
from deploy.local.constellation import Constellation, StartFailed, end_all
from deploy.local.layout import FAIRDB, Layout
from deploy.local.ledger import Ledger
from deploy.local.plan import COMPONENTS, External
from deploy.local.ports import Ports, PortTaken, PortUnreadable
from deploy.local.renewal import lifetime
from deploy.local.rootlock import RootInUse, root_lock
from deploy.services import NAMES

app = typer.Typer(help="Run the platform on this machine.", no_args_is_help=True, add_completion=False)
console = Console()
Root = Annotated[Path, typer.Option(help="Folder for all state.")]
T = TypeVar("T")
UP = FAIRDB / "up"


class AlreadyUp(Exception):
    """The platform is already running with other settings than those requested."""


@app.command()
def up(root: Root = UP) -> None:
    """Start the platform, leave it running and print its addresses."""
    ledger = Ledger.read(Layout(root).ledger)
    ports = Ports.defaults()
    if ledger.all_alive():
        if ledger.ports != ports.numbers():
            raise AlreadyUp("the platform is already running on other ports: stop it with `make down` first")
        console.print(f"The platform is already running (state in {root}).", soft_wrap=True)
        show(ledger)
        return
    if ledger.up and (stopped := in_order({*ledger.components} - {*ledger.alive()})):
        console.print(f"Stopped unexpectedly: {', '.join(stopped)}. Restarting the platform.", soft_wrap=True)
    constellation = Constellation(root, ports, External.from_environment(), detached=True)
    interruptible(constellation.start_all())
    show(Ledger.read(Layout(root).ledger))


@app.command()
def down(root: Root = UP) -> None:
    """Stop the processes that `up` started, and no others."""
    layout = Layout(root)
    with root_lock(layout.lock):
        ledger = Ledger.read(layout.ledger)
        alive = ledger.alive()
        interruptible(end_all(ledger))
    console.print(f"Stopped {', '.join(in_order(alive))}." if alive else "The platform is not running.", soft_wrap=True)


@app.command()
def certs(root: Root = UP) -> None:
    """Give everybody a new certificate. Running processes use it within seconds."""
    layout = Layout(root)
    layout.create()
    authority = Authority(layout)
    for holder in HOLDERS:
        authority.issue(holder, lifetime())
    console.print(f"Renewed the certificates of {', '.join(HOLDERS)}.", soft_wrap=True)


@app.command()
def status(root: Root = UP) -> None:
    """Show the state of each component; exit with code 1 unless all are running."""
    ledger = Ledger.read(Layout(root).ledger)
    show(ledger)
    raise typer.Exit(0 if ledger.all_alive() else 1)


@app.command()
def logs(
    components: Annotated[list[str] | None, typer.Argument(help="Components whose logs to show; default: all.")] = None,
    follow: Annotated[bool, typer.Option(help="Keep printing new lines.")] = True,
    lines: Annotated[int, typer.Option(help="Number of existing lines to print from each log.")] = 20,
    root: Root = UP,
) -> None:
    """Print the last lines of the logs, then follow them."""
    layout = Layout(root)
    files = [layout.log(component) for component in components] if components else sorted((root / "logs").glob("*.log"))
    if unknown := [file.stem for file in files if not file.exists()]:
        known = ", ".join(sorted(file.stem for file in (root / "logs").glob("*.log")))
        raise typer.BadParameter(f"no log for {', '.join(unknown)}; logs exist for: {known or 'none'}")
    if not files:
        raise typer.BadParameter(f"no logs in {root / 'logs'}: start the platform with `make up` first")
    words = ["tail", "-n", str(lines), *(["-F"] if follow else []), *map(str, files)]
    os.execvp(words[0], words)


@app.command()
def run(
    command: Annotated[list[str], typer.Argument(help="The command and its arguments, after `--`.")],
    free: Annotated[bool, typer.Option("--free", help="Use free ports instead of the default ones.")] = False,
    root: Root = FAIRDB / "run",
) -> None:
    """Start the platform, run CMD with FAIRDB_EDGE_URL set, stop the platform and return the exit code of CMD."""
    ports = Ports.free() if free else Ports.defaults()
    constellation = Constellation(root, ports, External.from_environment())
    raise typer.Exit(interruptible(run_in(constellation, command)))


@app.command(name="exec")
def execute(
    service: Annotated[str, typer.Argument(help="Service whose environment to use.")],
    command: Annotated[list[str], typer.Argument(help="The command and its arguments, after `--`.")],
    root: Root = UP,
) -> None:
    """Run CMD with the environment of a service that `up` started."""
    ledger = Ledger.read(Layout(root).ledger)
    # Do not require every component: this command helps to find out why one died.
    if not ledger.alive():
        raise typer.BadParameter("the platform is not running: start it with `make up` first")
    if service not in (*NAMES, "edge_agent"):
        raise typer.BadParameter(f"unknown service {service}: choose one of {', '.join(NAMES)}, edge_agent")
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
    """Run a coroutine. The first SIGINT or SIGTERM cancels it, so that it cleans up; then the command exits."""
    received: list[signal.Signals] = []

    async def watched() -> T:
        task = asyncio.ensure_future(work)
        loop = asyncio.get_running_loop()

        def interrupt(number: signal.Signals) -> None:
            # A second signal would interrupt the clean-up.
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
    table = Table("component", "version", "address", "pid", "state")
    alive = ledger.alive()
    for name in in_order({*ledger.components, *ledger.addresses}):
        pid = str(ledger.components[name][-1].pid) if name in ledger.components else ""
        state = "running" if name in alive else "stopped" if name in ledger.components or not ledger.up else "external"
        table.add_row(name, ledger.versions.get(name, ""), ledger.addresses.get(name, ""), pid, state)
    console.print(table)
    if ledger.up and {*ledger.components} - {*alive}:
        console.print("Some components have stopped. `make up` restarts the platform and keeps its data.")
    if ledger.up and "envoy" in alive:
        console.print(f"Health check: http://{ledger.addresses['envoy']}/api/health")


def in_order(names: Iterable[str]) -> list[str]:
    return sorted(names, key=COMPONENTS.index)


def main() -> int:
    """Run the command. An error that an operator can fix is printed as a message without a stack trace."""
    try:
        app()
    except (AlreadyUp, StartFailed, PortTaken, PortUnreadable, ProgramUnusable, RootInUse, ServerMissing) as error:
        print(f"fairdb: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
