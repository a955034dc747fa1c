"""The options and the session with which a command reaches the platform, and explanations of errors."""

import getpass
import os
import sys
from collections.abc import Generator
from contextlib import contextmanager, suppress
from typing import Annotated

import httpx
import typer

from fairdatabase.client.session import ApiError, Session
from fairdatabase.client.terminal import FAILED, print_error

EDGE_URL = "http://127.0.0.1:8000"
EdgeUrl = Annotated[str, typer.Option(envvar="FAIRDB_EDGE_URL", help="The platform's URL.")]
Email = Annotated[str, typer.Option(envvar="FAIRDB_EMAIL", help="The e-mail address of your account.")]


@contextmanager
def logged_in(edge_url: str, email: str) -> Generator[Session, None, None]:
    """Yield a session of the account, and end it afterwards. Explains errors as `platform_errors_explained` does."""
    password = os.environ.get("FAIRDB_PASSWORD") or _read_password(email)
    with platform_errors_explained(edge_url), Session(edge_url) as session:
        session.log_in(email, password)
        try:
            yield session
        finally:
            # Ignore a failed logout: the command's work is done, and the session expires anyway.
            with suppress(ApiError, httpx.TransportError):
                session.log_out()


@contextmanager
def platform_errors_explained(edge_url: str) -> Generator[None, None, None]:
    """End the command with exit code 1 and one line on stderr when the platform refuses a call or is unreachable."""
    try:
        yield
    except ApiError as error:
        print_error("Refused", error)
        raise typer.Exit(FAILED) from None
    except (httpx.TransportError, httpx.InvalidURL) as error:
        why = f"{type(error).__name__}. Is the platform running? Set its URL with --edge-url or FAIRDB_EDGE_URL"
        print_error(f"Could not connect to {edge_url}", why)
        raise typer.Exit(FAILED) from None


def _read_password(email: str) -> str:
    """Return the password, from the terminal or from standard input. Raises BadParameter when there is none."""
    password = getpass.getpass(f"Password of {email}: ") if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")
    if not password:
        raise typer.BadParameter("no password: set FAIRDB_PASSWORD, or pass it on standard input")
    return password
