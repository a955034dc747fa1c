"""The `fairdb` command."""

from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from fairdatabase.client.access import EDGE_URL, EdgeUrl, platform_errors_explained
from fairdatabase.client.commands import demo as demo_module
from fairdatabase.client.commands import sagas
from fairdatabase.client.commands.anonymize import anonymize_command
from fairdatabase.client.commands.importing import import_command
from fairdatabase.client.commands.report import report_command
from fairdatabase.client.commands.risk import risk_command
from fairdatabase.client.terminal import FAILED, print_error, quiet_on_closed_pipe

# Markdown reflows paragraphs. Plain-text help would keep the line breaks of docstrings.
app = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode="markdown")
app.command(name="report")(report_command)
app.command(name="risk")(risk_command)
app.command(name="anonymize")(anonymize_command)
app.command(name="import")(import_command)
app.add_typer(sagas.app, name="sagas")


def _print_version(is_wanted: bool) -> None:
    if is_wanted:
        print(f"fairdb {version('fairdatabase')}")
        raise typer.Exit


@app.callback()
def _commands(
    is_version_wanted: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit."),
    ] = False,
) -> None:
    """Register research samples in FAIRDatabase, and measure or lower what a table reveals about people."""


@app.command()
def demo(
    data: Annotated[Path, typer.Option(help="The folder that contains the demo's tables.")] = Path(".fairdb/data"),
    edge_url: EdgeUrl = EDGE_URL,
) -> None:
    """Create real samples on a running platform and show how it protects them. Needs a checkout of FAIRDatabase."""
    # Wide enough for two samples side by side, even if the output is not a terminal.
    console = Console(highlight=False, width=max(124, Console().width))
    try:
        samples = demo_module.read_samples(data)
        with platform_errors_explained(edge_url):
            demo_module.run(edge_url, samples, console)
    except demo_module.DemoFailed as error:
        print_error("The demo failed", error)
        raise typer.Exit(FAILED) from None


def main() -> None:
    """Run the command. It ends without an error if the reader of its output has closed the pipe (`| head`)."""
    with quiet_on_closed_pipe():
        app()
