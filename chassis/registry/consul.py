"""Consul's HTTP API, as much of it as the registry needs.

Over httpcore, not one of Consul's clients: those load two HTTP libraries into every process, 12 MB each time.
Source: https://developer.hashicorp.com/consul/api-docs
"""

import json
import os
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote, urlencode, urlsplit

import httpcore

_PORT = 8500
_CONNECT_SECONDS = 2.0
_ANSWER_SECONDS = 5.0


class ConsulError(Exception):
    """The agent refused a request, or cannot answer it. `status` is HTTP's."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


class Consul:
    """Asks one agent; to be closed. Its calls raise ConsulError, and httpcore's errors while the agent is away.

    url: of the agent, "http://127.0.0.1:8500". A token of Consul's own access control is taken from CONSUL_HTTP_TOKEN,
    as Consul's command takes it.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        port = "" if parts.port else f":{_PORT}"
        self._url = f"{parts.scheme}://{parts.netloc}{port}{parts.path.rstrip('/')}/v1"
        token = os.environ.get("CONSUL_HTTP_TOKEN")
        self._headers = [(b"X-Consul-Token", token.encode())] if token else []
        self._pool = httpcore.AsyncConnectionPool()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await self._pool.aclose()

    async def services_of_agent(self) -> dict[str, Any]:
        """Return what is registered at this agent, by id of the instance."""
        _, answer = await self._call("GET", "agent/services")
        return answer

    async def register(self, service: Mapping[str, Any]) -> None:
        """Register an instance at this agent."""
        await self._call("PUT", "agent/service/register", body=service)

    async def deregister(self, instance_id: str) -> None:
        """Take an instance out; nothing is done when it is not there."""
        try:
            await self._call("PUT", f"agent/service/deregister/{quote(instance_id, safe='')}")
        except ConsulError as error:
            if error.status != 404:
                raise

    async def services(self) -> list[str]:
        """Return the names of all services."""
        _, answer = await self._call("GET", "catalog/services")
        return list(answer)

    async def instances(
        self, service: str, *, passing: bool = False, index: int | None = None, wait_seconds: int = 0
    ) -> tuple[int, list[dict[str, Any]]]:
        """Return a service's instances with their checks, and the index of that answer.

        With `index` it waits until there is another answer than that, at most `wait_seconds` and a sixteenth.
        """
        query: dict[str, int | str] = {}
        if passing:
            query["passing"] = 1
        if index is None:
            wait_seconds = 0
        else:
            query |= {"index": index, "wait": f"{wait_seconds}s"}
        path = f"health/service/{quote(service, safe='')}"
        answered, nodes = await self._call("GET", path, query, wait_seconds=wait_seconds)
        if answered is None:
            # Whoever follows a service would ask again at once, and for ever.
            raise ConsulError(200, f"GET {path}: an answer without X-Consul-Index, thus not Consul's")
        return answered, nodes

    async def leader(self) -> str:
        """Return the address of the servers' leader, "" while there is none."""
        _, answer = await self._call("GET", "status/leader")
        return answer

    async def _call(
        self,
        method: str,
        path: str,
        query: Mapping[str, int | str] | None = None,
        *,
        body: Mapping[str, Any] | None = None,
        wait_seconds: int = 0,
    ) -> tuple[int | None, Any]:
        """Return X-Consul-Index and the answer."""
        answer = await self._pool.request(
            method,
            f"{self._url}/{path}?{urlencode(query or {})}",
            headers=self._headers,
            content=json.dumps(body).encode() if body is not None else b"",
            extensions={
                "timeout": {
                    "connect": _CONNECT_SECONDS,
                    "pool": _CONNECT_SECONDS,
                    "write": _ANSWER_SECONDS,
                    "read": wait_seconds * 17 / 16 + _ANSWER_SECONDS,
                }
            },
        )
        if answer.status != 200:
            raise ConsulError(
                answer.status, f"{method} {path}: {answer.status} {answer.content[:200].decode(errors='replace')}"
            )
        index = next((int(value) for name, value in answer.headers if name.lower() == b"x-consul-index"), None)
        return index, json.loads(answer.content or b"null")
