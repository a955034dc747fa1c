"""Correlation ids and trace contexts that are accepted from callers, and page tokens."""

from uuid import UUID

import pytest

from chassis import call_context
from chassis.errors import PageTokenInvalid
from chassis.storage import paging

ROW = UUID("0192f0c4-0000-7000-8000-000000000001")


@pytest.mark.parametrize("value", [None, "", "Zebulon", "0192F0C4-0000-7000-8000", "x" * 36, "{0192f0c4}"])
def test_correlation_id_that_is_not_a_uuid_is_replaced(value: str | None) -> None:
    accepted = call_context.accept_correlation_id(value)
    assert str(UUID(accepted)) == accepted
    assert accepted != value


def test_uuid_is_kept_in_lower_case() -> None:
    assert call_context.accept_correlation_id(str(ROW).upper()) == str(ROW)


@pytest.mark.parametrize("value", ["00-abc", "zebulon", f"00-{'a' * 32}-{'b' * 16}-01-more"])
def test_invalid_trace_context_is_dropped(value: str) -> None:
    assert call_context.accept_traceparent(value) == ""


def test_page_token_belongs_to_its_query() -> None:
    token = paging.write_token(ROW, "organism")
    assert paging.read_token(token, "organism") == ROW
    assert paging.read_token("", "organism") is None
    for broken in (token[:-4], "Zebulon", "é", "a" * 100):
        with pytest.raises(PageTokenInvalid):
            paging.read_token(broken, "organism")
    with pytest.raises(PageTokenInvalid):
        paging.read_token(token, "another query")
