"""The `fairdb` command."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from fairdatabase.client import access
from fairdatabase.client.access import EDGE_URL, EdgeUrl
from fairdatabase.client.commands import demo as demo_module
from fairdatabase.client.commands import sagas
from fairdatabase.client.commands.anonymize import anonymize_command
from fairdatabase.client.commands.importing import import_command
from fairdatabase.client.commands.report import report_command
from fairdatabase.client.commands.risk import risk_command

app = typer.Typer(no_args_is_help=True, add_completion=False, help="FAIRDatabase on the command line.")
app.add_typer(sagas.app, name="sagas")
app.command(name="report")(report_command)
app.command(name="risk")(risk_command)
app.command(name="anonymize")(anonymize_command)
app.command(name="import")(import_command)


@app.callback()
def _commands() -> None:
    """FAIRDatabase on the command line."""


@app.command()
def demo(
    data: Annotated[Path, typer.Option(help="Folder with the demo's tables.")] = Path(".fairdb/data"),
    edge_url: EdgeUrl = EDGE_URL,
) -> None:
    """Create real samples on a running platform and show what becomes of them."""
    # Wide enough for two samples side by side, also where the output is no terminal.
    console = Console(highlight=False, width=max(124, Console().width))
    try:
        with access.told(edge_url):
            demo_module.run(edge_url, data, console)
    except demo_module.DemoFailed as error:
        access.tell("The demo failed", error)
        raise typer.Exit(1) from None
    except FileNotFoundError as error:
        access.tell(f"No {error.filename}", "run `make setup`, or name the folder with --data")
        raise typer.Exit(1) from None


def main() -> None:
    """Run the command."""
    app()
