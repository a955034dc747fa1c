"""Large samples: keeps seconds of work on one sample off the event loop."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from fairdb.samples.v1.sample_pb2 import RawSample

Result = TypeVar("Result")

_LARGE_BYTES = 8 * 1024
"""Ordinary raw samples have a few kilobytes."""


class LargeSamples:
    """Runs work on a sample in place, or in a thread if the sample is large: one large sample at a time."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, "anonymise")

    async def run(self, raw: RawSample, work: Callable[[], Result]) -> Result:
        """Return the result of `work`, which reads `raw`."""
        if raw.ByteSize() <= _LARGE_BYTES:
            return work()
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)
