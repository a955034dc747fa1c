"""Page tokens: the id after which the next page starts, and a digest of the query for which the token is valid."""

import base64
import hashlib
from uuid import UUID

from chassis.errors import PageTokenInvalid

DEFAULT_PAGE_SIZE = 50


def write_token(last: UUID, query: str) -> str:
    """Return a token for the page after the row `last` of `query`."""
    return base64.urlsafe_b64encode(last.bytes + _digest(query)).decode()


def read_token(token: str, query: str) -> UUID | None:
    """Return the id after which the page starts; None for the first page. Raises PageTokenInvalid."""
    if not token:
        return None
    try:
        raw = base64.urlsafe_b64decode(token.encode())
    except ValueError:
        raise PageTokenInvalid from None
    if len(raw) != 24 or raw[16:] != _digest(query):
        raise PageTokenInvalid
    return UUID(bytes=raw[:16])


def _digest(query: str) -> bytes:
    return hashlib.sha256(query.encode()).digest()[:8]
