"""Conformance: checks, before a program (variant) is measured, that it gives the same guarantees as the platform.

A conforming variant requires a token and a consent, answers a repeat with the same sample, keeps the same fields of a
record as the platform, lists the dropped fields, and returns the created sample to a read.
"""

import secrets
from dataclasses import dataclass
from typing import Any

import httpx

from bench.measuring import Meter

# The fields of an answer that describe the sample; ids, times and pseudonyms differ between variants.
SAME = ("organism", "taxonId", "collectionDate", "metadata", "droppedFields", "withheldFields")


class NotConforming(Exception):
    """A variant does less than the platform, so its figures are not comparable."""


@dataclass
class Conformance:
    """Compares every variant with the first."""

    reference: dict[str, Any] | None = None

    async def check(self, meter: Meter) -> None:
        """Check a variant, and count its rows and events. Raises NotConforming."""
        if meter.variant.expected is not None:
            await meter.costed(lambda: self._try(meter), creates=True)

    async def _try(self, meter: Meter) -> "Tried":
        name, body = meter.variant.name, meter.lines.bodies(1)[0]
        async with httpx.AsyncClient(base_url=meter.variant.url, timeout=30, trust_env=False) as http:

            async def create(token: str | None, **headers: str) -> httpx.Response:
                headers["Content-Type"] = "application/json"
                if token is not None:
                    headers["Authorization"] = f"Bearer {token}"
                return await http.post("/api/samples", content=body, headers=headers)

            key = {"Idempotency-Key": secrets.token_hex(8)}
            stranger = await meter.variant.stranger_token()
            answers = [await create(None), await create(stranger), await create(meter.token, **key)]
            answers.append(await create(meter.token, **key))
            _require(name, "statuses", [answer.status_code for answer in answers], [401, 403, 201, 201])
            created, repeated = (answer.json() for answer in answers[2:])
            _require(name, "id of a repeat", repeated["id"], created["id"])
            _require(name, "Location", answers[2].headers["location"], f"/api/samples/{created['id']}")
            read = await http.get(answers[2].headers["location"], headers={"Authorization": f"Bearer {meter.token}"})
            _require(name, "ETag", bool(read.headers.get("etag")), True)
            _require(name, "sample read", read.json()["metadata"], created["metadata"])
            others = await http.get(answers[2].headers["location"], headers={"Authorization": f"Bearer {stranger}"})
        seen = {field: created[field] for field in SAME} | {"withheldFromOthers": others.json()["withheldFields"]}
        self.reference = self.reference or seen
        for field, value in self.reference.items():
            _require(name, field, seen[field], value)
        return Tried()


@dataclass(frozen=True)
class Tried:
    """The result of the check, in the form that Meter.costed expects: one answered creation."""

    answered: int = 1


def _require(variant: str, what: str, found: object, wanted: object) -> None:
    if found != wanted:
        raise NotConforming(f"{variant}: {what} is {found!r} instead of {wanted!r}")
