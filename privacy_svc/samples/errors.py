"""Errors about the preparation of samples."""

import grpc

from chassis.errors import AppError


class ConsentRequired(AppError):
    """A consent in force is missing: `of` in the details says whether the account's or the donor's.

    Record one with POST /api/consents; for the donor's, include `subject`. A consent that has expired, or that is for
    another study, does not count.
    """

    code = grpc.StatusCode.PERMISSION_DENIED
    reason = "CONSENT_REQUIRED"


class SampleNotFound(AppError):
    """The sample does not exist, or you may not see it."""

    code = grpc.StatusCode.NOT_FOUND
    reason = "SAMPLE_NOT_FOUND"


class SagaTakenOver(AppError):
    """Another process took over, or undid, the saga that makes this call."""

    code = grpc.StatusCode.ABORTED
    reason = "SAGA_TAKEN_OVER"
