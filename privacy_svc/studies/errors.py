"""Errors about studies and their members."""

import grpc

from chassis.errors import AppError


class StudyNotFound(AppError):
    """The study does not exist, or you do not have the role in it that this call needs. Check the study's id."""

    code = grpc.StatusCode.NOT_FOUND
    reason = "STUDY_NOT_FOUND"


class MemberNotFound(AppError):
    """This account is not a member of the study. List the members to see the accounts that are."""

    code = grpc.StatusCode.NOT_FOUND
    reason = "MEMBER_NOT_FOUND"


class TooManyStudies(AppError):
    """You own the maximum number of studies. Use one of them for these samples."""

    code = grpc.StatusCode.RESOURCE_EXHAUSTED
    reason = "TOO_MANY_STUDIES"


class StudyFull(AppError):
    """The study, or the account to add, has reached the maximum number of memberships. Remove a membership first."""

    code = grpc.StatusCode.RESOURCE_EXHAUSTED
    reason = "STUDY_FULL"
