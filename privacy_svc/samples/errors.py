"""Errors about the preparation of samples."""

import grpc

from chassis.errors import AppError


class ConsentRequired(AppError):
    """This call needs a consent that is in force. The detail `of` names whose consent is missing.

    It is "account" or "subject" (the donor). Record the consent with POST /api/consents; for a donor, include
    `subject`. A consent that has expired, or that is for another study, does not count.
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
