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
    """There is no such study, or you may not do this with it."""

    code = grpc.StatusCode.NOT_FOUND
    reason = "STUDY_NOT_FOUND"


class MemberNotFound(AppError):
    """The account is no member of the study."""

    code = grpc.StatusCode.NOT_FOUND
    reason = "MEMBER_NOT_FOUND"


class TooManyStudies(AppError):
    """The account owns as many studies as an account can."""

    code = grpc.StatusCode.RESOURCE_EXHAUSTED
    reason = "TOO_MANY_STUDIES"


class StudyFull(AppError):
    """The study has as many members as a study can have: remove one first."""

    code = grpc.StatusCode.RESOURCE_EXHAUSTED
    reason = "STUDY_FULL"
