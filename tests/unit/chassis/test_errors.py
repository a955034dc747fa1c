"""Errors: their form on the wire, and the contract of every error class."""

import importlib
import pkgutil

import grpc
import pytest
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo

from backend_svc.samples import errors as backend
from backend_svc.samples.errors import SampleNotFound
from chassis import errors
from chassis.errors import AppError, InvalidRequest, RemoteError, ServiceUnavailable
from deploy.services import NAMES
from fairdatabase.violations import Violation
from fairdb.errors.v1.error_reason_pb2 import ERROR_REASON_SAGA_TAKEN_OVER, ErrorReason
from gateway.sagas.errors import SAGA_TAKEN_OVER
from privacy_svc.samples import errors as privacy

PACKAGES = ("chassis", *NAMES)


def every_error() -> list[type[AppError]]:
    for package in PACKAGES:
        for module in pkgutil.walk_packages(importlib.import_module(package).__path__, f"{package}."):
            if module.name.endswith(".errors"):
                importlib.import_module(module.name)
    found, queue = [], [AppError]
    while queue:
        subclasses = queue.pop().__subclasses__()
        found += subclasses
        queue += subclasses
    return found


@pytest.mark.parametrize("error", every_error(), ids=lambda error: error.__name__)
def test_every_error_keeps_the_contract(error: type[AppError]) -> None:
    assert error.__doc__
    assert f"ERROR_REASON_{error.reason}" in set(ErrorReason.keys())
    assert error.code is not grpc.StatusCode.OK


@pytest.mark.parametrize("reason", ["SAMPLE_NOT_FOUND", "SAGA_TAKEN_OVER"])
def test_copies_of_an_error_in_several_services_are_equal(reason: str) -> None:
    copies = [error for error in every_error() if error.reason == reason]
    assert len({error.__module__ for error in copies}) > 1
    assert len({(error.__name__, error.__doc__, error.code) for error in copies}) == 1, copies


def test_reason_that_the_gateway_handles_is_in_the_contract() -> None:
    assert f"ERROR_REASON_{SAGA_TAKEN_OVER}" == ErrorReason.Name(ERROR_REASON_SAGA_TAKEN_OVER)
    assert backend.SagaTakenOver.reason == privacy.SagaTakenOver.reason == SAGA_TAKEN_OVER


def test_status_carries_info_violations_and_retry() -> None:
    invalid = InvalidRequest(violations=[Violation("sample.organism", "is required")]).to_status()
    info, bad = ErrorInfo(), BadRequest()
    assert invalid.details[0].Unpack(info)
    assert invalid.details[1].Unpack(bad)
    assert (info.reason, info.domain) == ("INVALID_REQUEST", "fairdatabase.org")
    assert [(item.field, item.description) for item in bad.field_violations] == [("sample.organism", "is required")]

    unavailable, retry = ServiceUnavailable(service="backend_svc").to_status(), RetryInfo()
    assert unavailable.details[1].Unpack(retry)
    assert retry.retry_delay.seconds == 1


def remote(code: grpc.StatusCode, status=None) -> grpc.aio.AioRpcError:
    trailing = [("grpc-status-details-bin", status.SerializeToString())] if status is not None else []
    return grpc.aio.AioRpcError(code, grpc.aio.Metadata(), grpc.aio.Metadata(*trailing), "inside: 10.0.0.7")


def test_error_of_a_callee_is_passed_on_unchanged() -> None:
    status = SampleNotFound().to_status()
    error = errors.from_rpc_error("backend_svc", remote(grpc.StatusCode.NOT_FOUND, status))
    assert isinstance(error, RemoteError)
    assert error.to_status() == status
    assert error.reason == "SAMPLE_NOT_FOUND"


@pytest.mark.parametrize(
    ("code", "status", "expected"),
    [
        (grpc.StatusCode.UNAVAILABLE, None, "SERVICE_UNAVAILABLE"),
        (grpc.StatusCode.DEADLINE_EXCEEDED, None, "DEADLINE_EXCEEDED"),
        (grpc.StatusCode.UNKNOWN, None, "INTERNAL"),
        # The callee refused this service's own token, so the caller of this service must not be asked to log in.
        (grpc.StatusCode.UNAUTHENTICATED, errors.Unauthenticated().to_status(), "INTERNAL"),
        (grpc.StatusCode.PERMISSION_DENIED, errors.AccessDenied().to_status(), "INTERNAL"),
    ],
)
def test_fault_of_a_callee_is_reported_without_its_text(code, status, expected: str) -> None:
    error = errors.from_rpc_error("backend_svc", remote(code, status))
    assert error.reason == expected
    assert "10.0.0.7" not in str(error.to_status())
