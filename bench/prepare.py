"""Measures the CPU time of anonymising one record of forty fields, including its pseudonym.

Run as `python -m bench.prepare`. Every record is different, so a cache of whole records gains nothing. The first
records fill the caches: names, words and units of the policy, and valid lengths of texts.
"""

import json
import statistics
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

from google.protobuf.json_format import Parse

from bench.records import FIELDS, write_records
from fairdatabase.policy.records.anonymisation import Anonymiser
from fairdatabase.policy.tables.reader import load_policy
from fairdb.samples.v1.sample_pb2 import RawSample
from privacy_svc.keystore import Keystore

Item = TypeVar("Item")
_STUDY = "0190f3a4-0000-7000-8000-000000000001"
_WARM_UP = 500
_MEASURED = 4000


def main() -> None:
    """Print the median time for many records. For comparison with other machines, also print that of parsing JSON."""
    anonymiser = Anonymiser(load_policy())
    keystore = Keystore(pseudonym_key=b"p" * 32, consent_key=b"c" * 32)
    texts = write_records(_WARM_UP + _MEASURED)
    raws = [Parse(text, RawSample()) for text in texts]

    def prepare(raw: RawSample) -> None:
        anonymiser.anonymise(raw, lambda subject: keystore.pseudonym(_STUDY, subject))

    reading = _microseconds(json.loads, texts)
    preparing = _microseconds(prepare, raws)
    print(
        f"{_MEASURED} records of {FIELDS} fields: median {statistics.median(preparing):.0f} µs of CPU"
        f" (90th percentile {statistics.quantiles(preparing, n=10)[-1]:.0f} µs),"
        f" {statistics.median(preparing) / statistics.median(reading):.1f} times json.loads of the same record"
        f" ({statistics.median(reading):.1f} µs)",
    )


def _microseconds(work: Callable[[Item], object], items: Sequence[Item]) -> list[float]:
    spent: list[float] = []
    for item in items:
        begin = time.thread_time_ns()
        work(item)
        spent.append((time.thread_time_ns() - begin) / 1000)
    return spent[_WARM_UP:]


if __name__ == "__main__":
    main()
