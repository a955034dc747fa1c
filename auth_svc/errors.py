"""Errors of accounts and sessions."""

import grpc

from chassis.errors import AppError


class EmailTaken(AppError):
    """An account with this e-mail address already exists: log in instead."""

    code = grpc.StatusCode.ALREADY_EXISTS
    reason = "EMAIL_TAKEN"


class CredentialsWrong(AppError):
    """The e-mail address or the password is wrong."""

    code = grpc.StatusCode.UNAUTHENTICATED
    reason = "CREDENTIALS_WRONG"


class RefreshTokenInvalid(AppError):
    """The refresh token is unknown, was already used, or has expired: log in again."""

    code = grpc.StatusCode.UNAUTHENTICATED
    reason = "REFRESH_TOKEN_INVALID"


class AccountNotFound(AppError):
    """The account does not exist."""

    code = grpc.StatusCode.NOT_FOUND
    reason = "ACCOUNT_NOT_FOUND"


class TooManyAttempts(AppError):
    """Too many log-ins or registrations at this account or from this address: wait before you try again."""

    code = grpc.StatusCode.RESOURCE_EXHAUSTED
    reason = "OVERLOADED"

    def __init__(self, retry_after: float = 1.0) -> None:
        super().__init__()
        self.retry_after = round(retry_after, 1)
