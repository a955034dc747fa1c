"""Error answers: checks that an error over REST has the shape that all errors share."""

import uuid
from collections.abc import Collection
from typing import Any

import httpx

_ERROR_INFO = "type.googleapis.com/google.rpc.ErrorInfo"
_BAD_REQUEST = "type.googleapis.com/google.rpc.BadRequest"


def reason_of(answer: httpx.Response) -> str:
    """Return the reason that an error answer gives."""
    return _details(answer)[_ERROR_INFO]["reason"]


def violated_fields(answer: httpx.Response) -> list[str]:
    """Return the fields that an error answer lists as violations."""
    return [item["field"] for item in _details(answer).get(_BAD_REQUEST, {}).get("fieldViolations", [])]


def assert_error(answer: httpx.Response, status: int, reason: str, fields: Collection[str] = ()) -> dict[str, Any]:
    """Check an error answer, and that it lists exactly these fields as violations. Returns its ErrorInfo's metadata."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    assert_has_correlation_id(answer)
    body = answer.json()
    assert body.keys() == {"code", "message", "details"}
    assert body["message"].endswith(".")
    details = _details(answer)
    info = details[_ERROR_INFO]
    assert (info["reason"], info["domain"]) == (reason, "fairdatabase.org")
    assert set(violated_fields(answer)) == set(fields)
    assert all(item["description"] for item in details.get(_BAD_REQUEST, {}).get("fieldViolations", []))
    return info["metadata"]


def assert_has_correlation_id(answer: httpx.Response) -> str:
    """Check that an answer's correlation id is a UUID, and return it."""
    value = answer.headers["x-correlation-id"]
    assert str(uuid.UUID(value)) == value
    return value


def _details(answer: httpx.Response) -> dict[str, Any]:
    return {item["@type"]: item for item in answer.json()["details"]}
