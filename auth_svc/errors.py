"""What auth_svc refuses."""

import grpc

from chassis.errors import AppError


class EmailTaken(AppError):
    """An account with this e-mail address exists: log in instead."""

    code = grpc.StatusCode.ALREADY_EXISTS
    reason = "EMAIL_TAKEN"


class CredentialsWrong(AppError):
    """E-mail address and password do not belong together."""

    code = grpc.StatusCode.UNAUTHENTICATED
    reason = "CREDENTIALS_WRONG"


class RefreshTokenInvalid(AppError):
    """The refresh token is unknown, used, or expired: log in again."""

    code = grpc.StatusCode.UNAUTHENTICATED
    reason = "REFRESH_TOKEN_INVALID"


class AccountNotFound(AppError):
    """There is no such account."""

    code = grpc.StatusCode.NOT_FOUND
    reason = "ACCOUNT_NOT_FOUND"
