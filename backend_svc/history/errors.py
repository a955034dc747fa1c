"""Errors of recording what accounts did."""

import grpc

from chassis.errors import AppError


class TooManyDeclaredUses(AppError):
    """This account has declared too many different uses within 30 days. Ask the owner of the sample."""

    code = grpc.StatusCode.RESOURCE_EXHAUSTED
    reason = "TOO_MANY_DECLARED_USES"
