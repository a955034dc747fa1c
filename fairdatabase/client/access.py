"""The options and the session with which a command reaches the platform, and explanations of errors."""

import getpass
import os
import socket
import ssl
import sys
from collections.abc import Generator
from contextlib import contextmanager, suppress
from typing import Annotated
from urllib.parse import urlsplit

import httpx
import typer

from fairdatabase.client.session import ApiError, Session
from fairdatabase.client.terminal import BAD_INPUT, FAILED, print_error

EDGE_URL = "http://127.0.0.1:8000"


def _check_edge_url(url: str) -> str:
    """Return the URL. End the command with exit code 2 when it contains a path."""
    # Other mistakes are explained when the command connects.
    with suppress(ValueError):
        parts = urlsplit(url)
        if parts.netloc and parts.path.strip("/"):
            print_error(None, f"--edge-url takes no path: write {parts.scheme}://{parts.netloc}")
            raise typer.Exit(BAD_INPUT)
    return url


EdgeUrl = Annotated[
    str, typer.Option(envvar="FAIRDB_EDGE_URL", callback=_check_edge_url, help="The platform's URL, without a path.")
]
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
        why = f"{_why_not_connected(error)} Set the platform's URL with --edge-url or FAIRDB_EDGE_URL"
        print_error(f"Could not connect to {edge_url}", why)
        raise typer.Exit(FAILED) from None


def _why_not_connected(error: Exception) -> str:
    """Return what went wrong, and what to check."""
    causes: list[BaseException] = [error]
    # Follow `__context__` too: httpcore raises some errors without a cause.
    while (cause := causes[-1].__cause__ or causes[-1].__context__) is not None:
        causes.append(cause)
    for kinds, why in _REASONS:
        if any(isinstance(cause, kinds) for cause in causes):
            return why
    return f"{type(error).__name__}. Is the platform running?"


# The first match is used. httpx wraps the errors of the socket, which are more precise and so come first.
_REASONS: tuple[tuple[type[Exception] | tuple[type[Exception], ...], str], ...] = (
    (ConnectionRefusedError, "connection refused. Is the platform running?"),
    (socket.gaierror, "unknown host. Is its name spelt correctly?"),
    (ssl.SSLCertVerificationError, "its TLS certificate is not trusted."),
    (ssl.SSLError, "it does not answer with TLS. Does its URL start with http:// instead?"),
    (httpx.RemoteProtocolError, "its answer is incomplete or not HTTP. Does its URL start with https:// instead?"),
    (httpx.TimeoutException, "no answer in time. Is the platform running?"),
    ((httpx.UnsupportedProtocol, httpx.InvalidURL), "not a URL such as http://127.0.0.1:8000."),
)


def _read_password(email: str) -> str:
    """Return the password, from the terminal or from standard input. Raises BadParameter when there is none."""
    password = getpass.getpass(f"Password of {email}: ") if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")
    if not password:
        raise typer.BadParameter("no password: set FAIRDB_PASSWORD, or pass it on standard input")
    return password
