"""Errors of creating and reading samples."""

import grpc

from chassis.errors import AppError


class ConsentWithdrawn(AppError):
    """A consent that the sample depends on was withdrawn, so the sample is quarantined."""

    code = grpc.StatusCode.PERMISSION_DENIED
    reason = "CONSENT_WITHDRAWN"


class FilterInvalid(AppError):
    """The filter is invalid; the field violation says where."""

    code = grpc.StatusCode.INVALID_ARGUMENT
    reason = "FILTER_INVALID"


class StudyNotFound(AppError):
    """The study does not exist, or you are not a member of it. Check the study's id."""

    code = grpc.StatusCode.NOT_FOUND
    reason = "STUDY_NOT_FOUND"


class SampleNotFound(AppError):
    """The sample does not exist, or you may not see it."""

    code = grpc.StatusCode.NOT_FOUND
    reason = "SAMPLE_NOT_FOUND"
