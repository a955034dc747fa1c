"""The session of one account over REST."""

import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Self
from urllib.parse import quote
from uuid import uuid4

import httpx


@dataclass(eq=False)  # not frozen: Python sets an error's traceback
class ApiError(Exception):
    """The platform refused a call."""

    status: int
    """HTTP status."""
    reason: str
    """Name from fairdb.errors.v1.ErrorReason, such as "CONSENT_REQUIRED"."""
    message: str
    violations: Sequence[tuple[str, str]]
    """Pairs of a field and what is wrong with it."""
    facts: Mapping[str, str] = field(default_factory=dict[str, str])
    """Details of the reason, such as the roles that are allowed or the service that is unavailable."""

    def __str__(self) -> str:
        facts = ", ".join(f"{name}: {value}" for name, value in self.facts.items() if value)
        # The message of an invalid request only says that it is invalid.
        what = "; ".join(f"{field}: {description}" for field, description in self.violations) or self.message
        refusal = f"{self.status} {self.reason}".rstrip()
        return f"{refusal}: {what}" + (f" ({facts})" if facts else "")


class Imported(NamedTuple):
    """The results of imported rows."""

    answers: list[dict[str, Any]]
    """For each row, in order: `row`, and either `error` or `id`; with `droppedFields` if fields were not stored."""
    repeated: int
    """How many of the rows with an id were already stored."""
    dropped: Sequence[dict[str, Any]] = ()
    """What was not stored, once for each `field` and `reason`; `rows` counts the rows."""
    more_dropped: int = 0
    """How many further drops are not in `dropped`."""


class Session:
    """Calls the REST API as one account. Safe to share between threads; renews an expired access token.

    All methods raise ApiError if the platform refuses a call, and httpx.TransportError if it is unreachable.
    """

    def __init__(self, base_url: str, *, timeout: float = 30.0) -> None:
        self._http = httpx.Client(base_url=base_url, timeout=timeout)
        self._access_token = ""
        self._refresh_token = ""
        self._renewing = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def register(self, email: str, password: str) -> dict[str, Any]:
        """Create an account. Raises ApiError EMAIL_TAKEN."""
        return self.call("POST", "/api/auth/register", {"email": email, "password": password})

    def log_in(self, email: str, password: str) -> None:
        """Start a session. Raises ApiError CREDENTIALS_WRONG."""
        self._keep(self.call("POST", "/api/auth/login", {"email": email, "password": password}))

    def log_out(self) -> None:
        """End the session and invalidate its tokens."""
        self.call("POST", "/api/auth/logout", {})
        self._access_token = self._refresh_token = ""

    def grant_consent(self, subject: str = "", **fields: Any) -> dict[str, Any]:
        """Record the account's own consent to sample creation, or that of a donor.

        `fields` are further fields of GrantConsentRequest, such as `dataUse=[{"id": "DUO:0000042"}]`.
        """
        return self.call("POST", "/api/consents", {"purpose": "sample_creation", "subject": subject, **fields})

    def withdraw_consent(self, consent_id: str) -> dict[str, Any]:
        """Withdraw a consent. Samples that depend on it are quarantined: nobody sees their data any more."""
        return self.call("POST", f"/api/consents/{quote(consent_id, safe='')}:withdraw", {})

    def create_sample(self, sample: Mapping[str, Any], idempotency_key: str | None = None) -> dict[str, Any]:
        """Create a sample once. To repeat a call whose answer was lost, pass the same idempotency key."""
        headers = {"Idempotency-Key": idempotency_key or str(uuid4())}
        return self.call("POST", "/api/samples", sample, headers=headers)

    def import_rows(self, rows: bytes, *, study: str = "", organism: str = "") -> Imported:
        """Import samples: each line of `rows` is the JSON that `create_sample` takes. Return the result of each row.

        `study` and `organism` apply to rows without their own. A row that is already stored is not stored again, so
        the call can be repeated. Raises ApiError, even if the platform stopped only after some rows, and
        httpx.TransportError, even if only the end of the answer is missing.
        """
        parameters = {name: value for name, value in (("study", study), ("organism", organism)) if value}
        headers = {"Content-Type": "application/x-ndjson"}
        new = 0
        for attempt in range(2):
            used = self._access_token
            response = self._answered("POST", "/api/samples:import", rows, parameters, headers)
            *answers, last = [json.loads(line) for line in response.text.split("\n") if line] or [{}]
            if "summary" not in last:
                raise httpx.RemoteProtocolError("the answer is incomplete")
            summary = last["summary"]
            stopped = summary.get("stopped")
            if stopped is None:
                # Rows that the first attempt stored count as new, although the second attempt repeats them.
                repeated = max(summary["repeated"] - new, 0)
                return Imported(answers, repeated, summary.get("dropped", ()), summary.get("moreDropped", 0))
            if stopped["reason"] not in ("UNAUTHENTICATED", "TOKEN_REVOKED") or attempt or not self._refresh_token:
                raise ApiError(response.status_code, stopped["reason"], stopped["message"], ())
            # The token expired during the import.
            new = summary["stored"] - summary["repeated"]
            self._renew(used)
        raise AssertionError("the second attempt returns or raises")

    def get_sample(self, sample_id: str) -> dict[str, Any]:
        """Return a sample, without the fields that this account may not see. Raises ApiError SAMPLE_NOT_FOUND."""
        return self.call("GET", f"/api/samples/{quote(sample_id, safe='')}")

    def match_data_use(self, sample_id: str, use: Mapping[str, Any]) -> dict[str, Any]:
        """Return whether a sample's conditions permit a use (an IntendedUse). Raises ApiError SAMPLE_NOT_FOUND."""
        return self.call("POST", "/api/dataUse:match", {"sample": sample_id, "use": use})

    def list_samples(self, filter: str = "", page_size: int = 200) -> Iterator[dict[str, Any]]:
        """Yield every sample that matches an AIP-160 filter, those of the newest day first."""
        return self._pages("/api/samples", "samples", {"filter": filter, "pageSize": page_size})

    def list_sagas(self, state: str = "", page_size: int = 200) -> Iterator[dict[str, Any]]:
        """Yield every saga, or those in a state such as "STATE_PARKED", newest first. For administrators only."""
        parameters = {"state": state} if state else {}
        return self._pages("/api/sagas", "sagas", {**parameters, "pageSize": page_size})

    def get_saga(self, saga_id: str) -> dict[str, Any]:
        """Return a saga with its steps. Raises ApiError SAGA_NOT_FOUND."""
        return self.call("GET", f"/api/sagas/{quote(saga_id, safe='')}")

    def retry_saga(self, saga_id: str) -> dict[str, Any]:
        """Resume a parked saga. Raises ApiError SAGA_NOT_FOUND, SAGA_NOT_PARKED, SAGA_DEFINITION_UNKNOWN."""
        return self.call("POST", f"/api/sagas/{quote(saga_id, safe='')}:retry", {})

    def cancel_saga(self, saga_id: str) -> dict[str, Any]:
        """Undo a saga whose sample is not stored yet. Raises ApiError SAGA_NOT_FOUND, SAGA_NOT_CANCELLABLE."""
        return self.call("POST", f"/api/sagas/{quote(saga_id, safe='')}:cancel", {})

    def call(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        parameters: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """Make any call and return its answer. Raises ApiError, httpx.TransportError."""
        return self._answered(method, path, body, parameters, headers).json()

    def _answered(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | bytes | None,
        parameters: Mapping[str, Any] | None,
        headers: Mapping[str, str] | None,
    ) -> httpx.Response:
        """Return the answer of a successful call. Raises ApiError."""
        used = self._access_token
        response = self._send(method, path, body, parameters, headers)
        if response.status_code == 401 and self._refresh_token:
            self._renew(used)
            response = self._send(method, path, body, parameters, headers)
        if response.is_success:
            return response
        raise error_of(response)

    def _pages(self, path: str, items: str, parameters: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        token = ""
        while True:
            page = self.call("GET", path, parameters={**parameters, "pageToken": token})
            yield from page[items]
            token = page["nextPageToken"]
            if not token:
                return

    def _send(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | bytes | None,
        parameters: Mapping[str, Any] | None,
        headers: Mapping[str, str] | None,
    ) -> httpx.Response:
        authorization = {"Authorization": f"Bearer {self._access_token}"} if self._access_token else {}
        content, document = (body, None) if isinstance(body, bytes) else (None, body)
        return self._http.request(
            method,
            path,
            content=content,
            json=document,
            params=parameters,
            headers={**authorization, **(headers or {})},
        )

    def _renew(self, used: str) -> None:
        """Renew the access token, unless another thread has already replaced `used`."""
        with self._renewing:
            if self._access_token != used:
                return
            response = self._send("POST", "/api/auth/refresh", {"refreshToken": self._refresh_token}, None, None)
            if not response.is_success:
                raise error_of(response)
            self._keep(response.json())

    def _keep(self, tokens: Mapping[str, Any]) -> None:
        self._access_token, self._refresh_token = tokens["accessToken"], tokens["refreshToken"]


def error_of(response: httpx.Response) -> ApiError:
    """Return the error that a refusing answer describes."""
    try:
        status = response.json()
    except ValueError:
        host, begins = response.url.host, response.text[:200]
        message = f"{host} does not answer like FAIRDatabase. Is the URL right? The answer starts with: {begins}"
        return ApiError(response.status_code, "", message, ())
    details = {detail["@type"].rpartition(".")[2]: detail for detail in status.get("details", ())}
    violations = tuple(
        (item["field"], item["description"]) for item in details.get("BadRequest", {}).get("fieldViolations", ())
    )
    info = details.get("ErrorInfo", {})
    reason, facts = info.get("reason", ""), info.get("metadata", {})
    return ApiError(response.status_code, reason, status.get("message", ""), violations, facts)
