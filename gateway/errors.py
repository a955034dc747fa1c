"""What the gateway itself refuses."""

import grpc

from chassis.errors import AppError

SAGA_TAKEN_OVER = "SAGA_TAKEN_OVER"
"""The reason with which a callee refuses a saga that another gateway drives, or that was undone."""


class SagaNotFound(AppError):
    """There is no such saga, or it ended so long ago that it is forgotten."""

    code = grpc.StatusCode.NOT_FOUND
    reason = "SAGA_NOT_FOUND"


class SagaNotParked(AppError):
    """Only a parked saga can be retried."""

    code = grpc.StatusCode.FAILED_PRECONDITION
    reason = "SAGA_NOT_PARKED"


class SagaDefinitionUnknown(AppError):
    """This gateway does not know the version of the saga: ask one of the release that began it, or of a later one."""

    code = grpc.StatusCode.FAILED_PRECONDITION
    reason = "SAGA_DEFINITION_UNKNOWN"


class SagaNotCancellable(AppError):
    """The saga is past its pivot, or has ended: it cannot be cancelled any more."""

    code = grpc.StatusCode.FAILED_PRECONDITION
    reason = "SAGA_NOT_CANCELLABLE"


class Overloaded(AppError):
    """As many imports are under way as are taken, of all or of one account; try again when one has ended."""

    code = grpc.StatusCode.RESOURCE_EXHAUSTED
    reason = "OVERLOADED"
    retry_after = 5.0


class ConsentWithdrawn(AppError):
    """A consent on which the sample rests was withdrawn."""

    code = grpc.StatusCode.PERMISSION_DENIED
    reason = "CONSENT_WITHDRAWN"


class MediaTypeUnsupported(AppError):
    """The Content-Type must be application/x-ndjson, text/csv or text/tab-separated-values, and the text UTF-8."""

    code = grpc.StatusCode.INVALID_ARGUMENT
    reason = "MEDIA_TYPE_UNSUPPORTED"
    http_code = "415"


class TooManyRows(AppError):
    """An import takes 100,000 rows: send the later ones in another one."""

    code = grpc.StatusCode.RESOURCE_EXHAUSTED
    reason = "REQUEST_TOO_LARGE"


class ImportTooLarge(AppError):
    """An import takes 1 GB: send the later rows in another one."""

    code = grpc.StatusCode.RESOURCE_EXHAUSTED
    reason = "REQUEST_TOO_LARGE"


class RowTooLarge(AppError):
    """The row is larger than 1 MB."""

    code = grpc.StatusCode.RESOURCE_EXHAUSTED
    reason = "REQUEST_TOO_LARGE"


class RowMalformed(AppError):
    """The row cannot be read."""

    code = grpc.StatusCode.INVALID_ARGUMENT
    reason = "MALFORMED_REQUEST"


class RowNotText(RowMalformed):
    """The row is not UTF-8 text."""


class RowNotJson(RowMalformed):
    """The row is no JSON object in one line, with each field once."""


class RowBadlyQuoted(RowMalformed):
    """A quoted cell is not closed, or text follows its closing quote. Write a quote inside a quoted cell twice."""


class RowRagged(RowMalformed):
    """The row has more or fewer cells than the header."""


class RowFieldUnknown(RowMalformed):
    """The row holds a field that a sample does not have; what is not in the list belongs into metadata."""


class RowEmpty(RowMalformed):
    """The row is empty."""


class SampleNotFound(AppError):
    """The sample does not exist, or you may not see it."""

    code = grpc.StatusCode.NOT_FOUND
    reason = "SAMPLE_NOT_FOUND"
