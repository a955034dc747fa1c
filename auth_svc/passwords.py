"""Password hashes: argon2id with the library's defaults, computed on two threads."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from auth_svc.turns import AT_ONCE

Result = TypeVar("Result")

# One hash uses 64 MiB for about 50 ms. Two workers limit the memory that a flood of log-ins can use. A semaphore around
# threads would not: when a caller gives up, the semaphore admits the next hash while the abandoned one still runs.
_workers = ThreadPoolExecutor(AT_ONCE, "argon2")
_hasher = PasswordHasher()
_dummy_hash = _hasher.hash("no account has this password")


async def hash_password(password: str) -> str:
    """Return the hash to store."""
    return await _run(partial(_hasher.hash, password))


async def verify_password(password: str, password_hash: str | None) -> bool:
    """Return whether the password matches the hash. Without a hash, return False.

    Both take the same time, so that the time does not reveal whether an account exists.
    """
    check = partial(_verify, password, password_hash or _dummy_hash)
    matches = await _run(check)
    return matches and password_hash is not None


async def _run(work: Callable[[], Result]) -> Result:
    """Run work on a thread. If the caller gives up, wait for the end all the same: until then the thread is busy."""
    running = asyncio.get_running_loop().run_in_executor(_workers, work)
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        await asyncio.wait([running])
        raise


def _verify(password: str, password_hash: str) -> bool:
    try:
        return _hasher.verify(password_hash, password)
    except (VerificationError, InvalidHashError):
        return False
