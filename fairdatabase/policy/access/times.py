"""Times: readers who do not oversee a sample see on which day it was stored and changed, but not when.

Exact times would reveal in which order the rows of a file were sent. The ids of samples reveal no order either.
"""

from google.protobuf.timestamp_pb2 import Timestamp

from fairdb.samples.v1.sample_pb2 import Sample

_DAY_SECONDS = 86_400


def cut_times(sample: Sample) -> None:
    """Cut the times of a sample to the day, for a reader who does not oversee it."""
    cut_to_day(sample.create_time)
    cut_to_day(sample.update_time)


def cut_to_day(time: Timestamp) -> None:
    """Set a time to the start of its day in UTC."""
    time.seconds -= time.seconds % _DAY_SECONDS
    time.nanos = 0
