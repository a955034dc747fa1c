"""Errors about consents."""

import grpc

from chassis.errors import AppError


class ConsentNotFound(AppError):
    """The consent does not exist, or another account recorded it. List your consents to find its id."""

    code = grpc.StatusCode.NOT_FOUND
    reason = "CONSENT_NOT_FOUND"
