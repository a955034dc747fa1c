"""How a command gets at the platform: where it is, as which account, and the line that says why it could not."""

import getpass
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Annotated

import httpx
import typer
from rich.console import Console
from rich.text import Text

from fairdatabase.client.session import ApiError, Session

EDGE_URL = "http://127.0.0.1:8000"
EdgeUrl = Annotated[str, typer.Option(envvar="FAIRDB_EDGE_URL", help="Where the platform answers.")]
Email = Annotated[str, typer.Option(envvar="FAIRDB_EMAIL", help="The account's address.")]


@contextmanager
def logged_in(edge_url: str, email: str) -> Iterator[Session]:
    """Yield the account's session and end it afterwards; what the platform refuses is told as `told` does."""
    password = os.environ.get("FAIRDB_PASSWORD") or _ask_password(email)
    with told(edge_url), Session(edge_url) as session:
        session.log_in(email, password)
        try:
            yield session
        finally:
            # The work is done by now, or has failed for a reason of its own; the session expires anyway.
            with suppress(ApiError, httpx.TransportError):
                session.log_out()


@contextmanager
def told(edge_url: str) -> Iterator[None]:
    """End the command with exit code 1 and a line on stderr when the platform refuses or nobody answers."""
    try:
        yield
    except ApiError as error:
        tell("Refused", error)
        raise typer.Exit(1) from None
    except (httpx.TransportError, httpx.InvalidURL) as error:
        why = f"{type(error).__name__}. Is the platform up there? --edge-url or FAIRDB_EDGE_URL says where it is"
        tell(f"Nobody answers at {edge_url}", why)
        raise typer.Exit(1) from None


def tell(what: str | None, why: object) -> None:
    """Print on stderr, in one line, what failed and why; of what says both, `what` is None."""
    line = Text(" ".join(str(why).split()))
    if what is not None:
        line = Text.assemble((f"{what}:", "bold red"), " ", line)
    Console(stderr=True, soft_wrap=True).print(line)


def _ask_password(email: str) -> str:
    """Return the password, asked for where somebody sits. Raises BadParameter when there is none."""
    password = getpass.getpass(f"Password of {email}: ") if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")
    if not password:
        raise typer.BadParameter("no password: set FAIRDB_PASSWORD, or give it on standard input")
    return password
