"""Connection errors of the `fairdb` command, with real sockets, and the check of --edge-url."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.unit.client.commands import run


@pytest.fixture(autouse=True)
def _password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAIRDB_PASSWORD", "correct horse battery")


@contextmanager
def server_that_says(answer: bytes) -> Iterator[int]:
    """Yield the port of a server that takes one connection, answers the first bytes, and closes it."""

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(4096)
            connection.sendall(answer)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        thread.join(10)


def errors_at(url: str) -> str:
    result = run("sagas", "list", "--email", "a@example.org", "--edge-url", url)
    assert (result.exit_code, result.stdout, result.stderr.count("\n")) == (1, "", 1)
    assert result.stderr.startswith(f"Could not connect to {url}: ")
    assert "--edge-url or FAIRDB_EDGE_URL" in result.stderr
    return result.stderr.removeprefix(f"Could not connect to {url}: ")


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        # No server listens on port 1.
        ("http://127.0.0.1:1", "connection refused. Is the platform running?"),
        ("http://fairdb.invalid", "unknown host."),
        ("127.0.0.1:8000", "not a URL such as"),
        ("http://127.0.0.1:port", "not a URL such as"),
    ],
)
def test_connection_error_says_what_went_wrong(url: str, expected: str) -> None:
    assert errors_at(url).startswith(expected)


@pytest.mark.parametrize(
    ("scheme", "answer", "expected"),
    [
        ("https", b"HTTP/1.1 400 Bad Request\r\n\r\n", "it does not answer with TLS. Does its URL start with http://"),
        # A TLS server answers plain HTTP with this alert.
        (
            "http",
            b"\x15\x03\x01\x00\x02\x02\x0a",
            "its answer is incomplete or not HTTP. Does its URL start with https://",
        ),
    ],
)
def test_wrong_scheme_is_explained(scheme: str, answer: bytes, expected: str) -> None:
    with server_that_says(answer) as port:
        assert errors_at(f"{scheme}://127.0.0.1:{port}").startswith(expected)


def test_url_with_a_path_is_bad_input() -> None:
    result = run("sagas", "list", "--email", "a@example.org", "--edge-url", "http://127.0.0.1:1/api")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == "--edge-url takes no path: write http://127.0.0.1:1\n"
