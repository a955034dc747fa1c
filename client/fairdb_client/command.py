"""The `fairdb` command."""

import os
from pathlib import Path
from typing import Annotated

import httpx
import typer
from rich.console import Console

from fairdb_client import demo as demo_module
from fairdb_client.session import ApiError

app = typer.Typer(no_args_is_help=True, add_completion=False, help="FAIRDatabase on the command line.")
_EDGE = os.environ.get("FAIRDB_EDGE_URL", "http://127.0.0.1:8000")


@app.callback()
def _commands() -> None:
    """FAIRDatabase on the command line."""


@app.command()
def demo(
    data: Annotated[Path, typer.Option(help="Folder with the demo's tables.")] = Path(".fairdb/data"),
    edge_url: Annotated[str, typer.Option(help="Where the platform answers.")] = _EDGE,
) -> None:
    """Create real samples on a running platform and show what becomes of them."""
    # Wide enough for two samples side by side, also where the output is no terminal.
    console = Console(highlight=False, width=max(124, Console().width))
    try:
        demo_module.run(edge_url, data, console)
    except (demo_module.DemoFailed, ApiError) as error:
        console.print(f"[bold red]The demo failed:[/] {error}")
        raise typer.Exit(1) from None
    except FileNotFoundError as error:
        console.print(f"[bold red]No {error.filename}:[/] run `make setup`, or name the folder with --data")
        raise typer.Exit(1) from None
    except httpx.TransportError as error:
        console.print(f"[bold red]Nobody answers at {edge_url}:[/] {type(error).__name__}")
        raise typer.Exit(1) from None


def main() -> None:
    """Run the command."""
    app()
