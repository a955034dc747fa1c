"""Consul's HTTP API, as much of it as the registry needs.

Over httpcore, not one of Consul's clients: those load two HTTP libraries into every process, 12 MB each time.
Source: https://developer.hashicorp.com/consul/api-docs
"""

import json
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote, urlencode

import httpcore

_CONNECT_SECONDS = 2.0
_ANSWER_SECONDS = 5.0


class ConsulError(Exception):
    """The agent refused a request, or cannot answer it."""


class Consul:
    """A connection to one agent, to be closed. Its calls raise httpcore's errors while the agent is away.

    url: of the agent, "http://127.0.0.1:8500".
    """

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")
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
        """Take an instance out. Raises ConsulError when it is not there."""
        await self._call("PUT", f"agent/service/deregister/{quote(instance_id, safe='')}")

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
        if index is not None:
            query |= {"index": index, "wait": f"{wait_seconds}s"}
        return await self._call("GET", f"health/service/{quote(service, safe='')}", query, wait_seconds=wait_seconds)

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
    ) -> tuple[int, Any]:
        """Return X-Consul-Index, 0 where an answer has none, and the answer."""
        answer = await self._pool.request(
            method,
            f"{self._url}/v1/{path}?{urlencode(query or {})}",
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
            raise ConsulError(f"{method} {path}: {answer.status} {answer.content[:200].decode(errors='replace')}")
        index = next((int(value) for name, value in answer.headers if name.lower() == b"x-consul-index"), 0)
        return index, json.loads(answer.content or b"null")
