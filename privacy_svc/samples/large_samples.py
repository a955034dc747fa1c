"""Large samples: processed in a thread, because the work may take seconds and would block the event loop."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from fairdb.samples.v1.sample_pb2 import RawSample

Result = TypeVar("Result")

_LARGE_BYTES = 8 * 1024
"""Samples above this size are large. Ordinary raw samples have a few kilobytes."""


class LargeSamples:
    """Runs work on a sample directly, or in a thread if the sample is large. There is one thread for all samples."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, "anonymise")

    async def run(self, raw: RawSample, work: Callable[[], Result]) -> Result:
        """Return the result of `work`, which reads `raw`."""
        if raw.ByteSize() <= _LARGE_BYTES:
            return work()
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)
