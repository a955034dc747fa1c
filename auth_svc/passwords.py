"""Password hashes: argon2id with the library's current defaults, on threads, a bounded number at a time."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

# One hash takes 64 MiB for some 50 ms: two at a time keep a flood of log-ins from taking all memory. An executor's
# workers stay two when callers give up, which a semaphore around threads would not.
_workers = ThreadPoolExecutor(2, "argon2")
_hasher = PasswordHasher()
_nobodys_hash = _hasher.hash("nobody's password")


async def hash_password(password: str) -> str:
    """Return the hash to keep."""
    return await asyncio.get_running_loop().run_in_executor(_workers, _hasher.hash, password)


async def verify_password(password: str, password_hash: str | None) -> bool:
    """Say whether the password belongs to the hash; without a hash, take as long and say no."""
    check = partial(_verify, password, password_hash or _nobodys_hash)
    matches = await asyncio.get_running_loop().run_in_executor(_workers, check)
    return matches and password_hash is not None


def _verify(password: str, password_hash: str) -> bool:
    try:
        return _hasher.verify(password_hash, password)
    except (VerificationError, InvalidHashError):
        return False
