"""`Session.import_rows` against the answers of a simulated platform."""

import json

import httpx
import pytest

from fairdatabase.client.session import Session


def test_rows_stored_before_the_token_expired_count_as_new(monkeypatch: pytest.MonkeyPatch) -> None:
    expired = {"reason": "UNAUTHENTICATED", "message": "Log in."}
    of_rows = [
        # The first row was stored before, the second is new, and the token has expired at the third.
        {"rows": 2, "stored": 2, "repeated": 1, "refused": 0, "stopped": expired},
        {"rows": 3, "stored": 3, "repeated": 2, "refused": 0},
    ]

    def answer(request: httpx.Request) -> httpx.Response:
        if not request.url.path.endswith(":import"):
            return httpx.Response(200, json={"accessToken": "a", "refreshToken": "r"})
        summary = of_rows.pop(0)
        lines = [{"row": number + 1, "id": str(number)} for number in range(summary["rows"])]
        return httpx.Response(200, text="".join(json.dumps(line) + "\n" for line in (*lines, {"summary": summary})))

    with Session("http://edge") as session:
        monkeypatch.setattr(
            session, "_http", httpx.Client(base_url="http://edge", transport=httpx.MockTransport(answer))
        )
        session.log_in("a@example.org", "password")
        answers, repeated, *_ = session.import_rows(b"{}\n{}\n{}\n")
    assert (len(answers), repeated) == (3, 1)
