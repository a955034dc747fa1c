"""Errors of an import, and of its rows."""

import grpc

from chassis.errors import AppError
from fairdatabase.sheets.records import Fault


class Overloaded(AppError):
    """Too many imports are running, on this gateway or for your account: try again when one of them has ended."""

    code = grpc.StatusCode.RESOURCE_EXHAUSTED
    reason = "OVERLOADED"
    retry_after = 5.0


class PlaceLost(Overloaded):
    """Others needed the place of this import: send the whole file again, faster if you can. Stored rows are kept."""


class MediaTypeUnsupported(AppError):
    """Content-Type must be application/x-ndjson, text/csv or text/tab-separated-values, with a known charset if any.

    `fairdb import FILE` reads Excel files (.xlsx)."""

    code = grpc.StatusCode.INVALID_ARGUMENT
    reason = "MEDIA_TYPE_UNSUPPORTED"
    http_code = "415"


class ImportTooLarge(AppError):
    """An import may be at most 1 GB: send the remaining rows in another import."""

    code = grpc.StatusCode.RESOURCE_EXHAUSTED
    reason = "REQUEST_TOO_LARGE"


class TooManyRows(ImportTooLarge):
    """An import may have at most 100,000 rows: send the remaining rows in another import."""


class RowUnreadable(AppError):
    """The row could not be read."""

    code = grpc.StatusCode.INVALID_ARGUMENT
    reason = "MALFORMED_REQUEST"

    def __init__(self, fault: Fault, **metadata: str) -> None:
        self.fault = fault
        self.reason = fault.reason
        if fault is Fault.TOO_LARGE:
            self.code = grpc.StatusCode.RESOURCE_EXHAUSTED
        super().__init__()
        self.metadata = metadata

    @property
    def message(self) -> str:
        """The text of the fault. `fairdb import` prints the same text for a row that it rejects before sending."""
        return self.fault.value


class RowNotJson(AppError):
    """Each row must be a one-line JSON object with unique field names."""

    code = grpc.StatusCode.INVALID_ARGUMENT
    reason = "MALFORMED_REQUEST"


class RowFieldUnknown(AppError):
    """The row has a field that a sample does not have: put it into metadata, or use one of the fields listed here."""

    code = grpc.StatusCode.INVALID_ARGUMENT
    reason = "MALFORMED_REQUEST"
