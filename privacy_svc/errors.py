"""What privacy_svc refuses."""

import grpc

from chassis.errors import AppError


class ConsentRequired(AppError):
    """A consent to this purpose is missing, of the account or of the donor: `of` in the details says whose.

    One that has expired, or is for another study, does not count. Grant it with POST /api/consents, a donor's with
    `subject`.
    """

    code = grpc.StatusCode.PERMISSION_DENIED
    reason = "CONSENT_REQUIRED"


class ConsentNotFound(AppError):
    """There is no such consent, or you may not know of it."""

    code = grpc.StatusCode.NOT_FOUND
    reason = "CONSENT_NOT_FOUND"


class StudyNotFound(AppError):
    """There is no such study, or you may not add samples to it."""

    code = grpc.StatusCode.NOT_FOUND
    reason = "STUDY_NOT_FOUND"
