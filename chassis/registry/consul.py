"""A client of one Consul agent: py-consul's synchronous client, run in a thread of its own.

A blocking query holds its thread for as long as Consul waits for a change, so it must not use asyncio's executor.
"""

import asyncio
import os
import threading
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from types import TracebackType
from typing import Any, ParamSpec, Self, TypeVar
from urllib.parse import SplitResult, quote, urlencode, urlsplit

import consul.std

_CONNECT_SECONDS = 2.0
_ANSWER_SECONDS = 5.0

P = ParamSpec("P")
T = TypeVar("T")


class ConsulError(Exception):
    """The agent refused a request or cannot answer it. `status` is the HTTP status."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


def split_url(url: str) -> SplitResult:
    """Split an agent's URL. Raises ValueError if the scheme, host or port is missing or invalid."""
    try:
        pieces = urlsplit(url)
        if pieces.scheme in ("http", "https") and pieces.hostname and pieces.port != 0:
            return pieces
    except ValueError:  # an invalid port
        pass
    raise ValueError("FAIRDB_CONSUL_URL must have a scheme and a host, such as http://127.0.0.1:8500")


class Consul:
    """Calls one agent, one request at a time; must be closed.

    Its methods raise ConsulError, and OSError while the agent is unavailable. As Consul's own command does, it reads a
    token for access control from CONSUL_HTTP_TOKEN, and the files for TLS from CONSUL_CACERT, CONSUL_CLIENT_CERT and
    CONSUL_CLIENT_KEY. It reads the files again for each connection, so it uses renewed certificates.
    """

    def __init__(self, url: str, *, answer_seconds: float = _ANSWER_SECONDS) -> None:
        """Set up. `url`: the agent's address, such as "http://consul.example.org"; the port defaults to Consul's.

        Requests that do not wait for a change fail after `answer_seconds`. Raises ValueError if the URL is invalid.
        """
        self._client = _Client(url, answer_seconds)
        self._worker = _Worker()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the thread after all calls that are running or queued. Later calls raise RuntimeError."""
        self._worker.close()
        self._client.http.close()

    async def services_of_agent(self) -> dict[str, Any]:
        """Return the instances that are registered at this agent, by id."""
        return await self._worker.run(self._client.agent.services)

    async def register(
        self, name: str, instance_id: str, host: str, port: int, check: dict[str, Any] | None = None
    ) -> None:
        """Register an instance at this agent, or replace it."""
        await self._worker.run(
            self._client.agent.service.register, name, service_id=instance_id, address=host, port=port, check=check
        )

    async def report(self, instance_id: str, *, passing: bool) -> None:
        """Report whether an instance of this agent serves. Its check must be one that waits for reports (TTL)."""
        checks = self._client.agent.check
        await self._worker.run(checks.ttl_pass if passing else checks.ttl_fail, f"service:{instance_id}")

    async def deregister(self, instance_id: str) -> None:
        """Remove an instance. An unknown one is ignored."""
        try:
            await self._worker.run(self._client.agent.service.deregister, quote(instance_id, safe=""))
        except ConsulError as error:
            if error.status != 404:
                raise

    async def services(self) -> list[str]:
        """Return the names of all services."""
        _, services = await self._worker.run(self._client.catalog.services)
        return list(services)

    async def instances(
        self, service: str, *, passing: bool = False, index: int | None = None, wait_seconds: int = 0
    ) -> tuple[int, list[dict[str, Any]]]:
        """Return the index of the answer, and a service's instances with their checks.

        With `index`, wait until the answer differs from the one with that index, at most `wait_seconds` plus
        one sixteenth.
        """
        # If the answer lacks X-Consul-Index, py-consul raises ConsulException: without an index, a watch would repeat
        # without a pause.
        answered, nodes = await self._worker.run(
            self._client.health.service, quote(service, safe=""), passing=passing, index=index, wait=f"{wait_seconds}s"
        )
        return int(answered), nodes

    async def leader(self) -> str:
        """Return the address of the leader of the Consul servers, or "" when there is none."""
        return await self._worker.run(self._client.status.leader)

    async def version(self) -> str:
        """Return the agent's release."""
        answer = await self._worker.run(self._client.agent.self)
        return answer["Config"]["Version"]


class _Client(consul.std.Consul):
    """py-consul's client for an agent's URL."""

    http: "_Http"

    def __init__(self, url: str, answer_seconds: float) -> None:
        parts = split_url(url)
        self._path = parts.path.rstrip("/")
        certificate, key = os.environ.get("CONSUL_CLIENT_CERT"), os.environ.get("CONSUL_CLIENT_KEY")
        super().__init__(
            parts.hostname,
            parts.port,
            scheme=parts.scheme,
            # Pass `verify`, because otherwise CONSUL_HTTP_SSL_VERIFY could turn off the verification of certificates.
            verify=os.environ.get("CONSUL_CACERT") or True,
            cert=(certificate, key) if certificate and key else None,
            connections_timeout=answer_seconds,
        )
        if self.token:
            # Some methods of py-consul, such as agent.self, do not send the token.
            self.http.session.headers["X-Consul-Token"] = self.token

    def http_connect(self, host: str, port: int, scheme: str, verify: bool | str = True, cert: Any = None) -> "_Http":
        http = _Http(
            f"[{host}]" if ":" in host else host,
            port,
            scheme,
            verify,
            cert,
            connections_timeout=self.connections_timeout,
        )
        http.base_uri += self._path
        return http


class _Http(consul.std.HTTPClient):
    """py-consul's HTTP client, with its own connect timeout, and errors that carry their status."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # The agent is on this machine or in its network, so HTTP_PROXY must not apply.
        self.session.trust_env = False
        # A redirect would send our token to another server.
        self.session.max_redirects = 0

    def uri(self, path: str, params: Any = None) -> str:
        """Return the URL of a path whose names are already quoted; py-consul would not quote a "/" in a name."""
        return f"{self.base_uri}{path}?{urlencode(params)}" if params else f"{self.base_uri}{path}"

    def timeout(self, params: Any) -> Any:
        """Return the time limits for the connection and for the answer, in seconds."""
        return min(_CONNECT_SECONDS, self.connections_timeout or _CONNECT_SECONDS), super().timeout(params)

    def response(self, response: Any, raw: bool = False) -> Any:
        if response.status_code != 200:
            request = f"{response.request.method} {response.request.path_url}"
            raise ConsulError(response.status_code, f"{request}: {response.status_code} {response.text[:200]}")
        return super().response(response, raw)

    def close(self) -> None:
        self.session.close()


class _Worker:
    """Runs blocking calls one after the other in a daemon thread.

    Not an executor: Python joins its threads on exit, so a pending watch would delay the exit by half a minute.
    """

    def __init__(self) -> None:
        self._calls: SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._closed = False

    async def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Return what the function returns. A cancelled call that has not begun is dropped.

        Raises RuntimeError once the worker is closed.
        """
        if self._closed:
            raise RuntimeError("the registry's client is closed")
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="consul", daemon=True)
            self._thread.start()
        future: Future[T] = Future()
        self._calls.put((future, lambda: function(*args, **kwargs)))
        return await asyncio.wrap_future(future)

    def close(self) -> None:
        """End the thread after all calls that are running or queued."""
        self._closed = True
        self._calls.put(None)

    def _work(self) -> None:
        while (item := self._calls.get()) is not None:
            future, call = item
            if not future.set_running_or_notify_cancel():
                continue
            try:
                result = call()
            except Exception as error:
                future.set_exception(error)
            else:
                future.set_result(result)
