"""Daily ids: UUIDv7 values that contain the day of their creation (UTC), but neither the time nor an order.

For resources that many may see. An ordinary UUIDv7 would reveal in which order the rows of a file were sent.
"""

import os
import time
from uuid import UUID

_DAY_SECONDS = 86_400
_VERSION_AND_VARIANT = 0x7 << 76 | 0b10 << 62
_RANDOM = (1 << 76) - 1 ^ 0b11 << 62
"""The 74 bits of a UUIDv7 that are random."""


def new_id() -> UUID:
    """Return a new id. Ids of later days are greater; those of one day are in random order."""
    day = int(time.time()) // _DAY_SECONDS * _DAY_SECONDS
    random = int.from_bytes(os.urandom(10))
    return UUID(int=day * 1000 << 80 | _VERSION_AND_VARIANT | random & _RANDOM)
