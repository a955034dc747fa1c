"""Registering a servicer: its generated base class names the service and the function that adds it."""

import pytest

from chassis.serving.registration import GeneratedService, ServicerUnknown
from fairdb.auth.v1.auth_service_pb2_grpc import AuthServiceServicer
from fairdb.auth.v1.revocation_service_pb2_grpc import (
    RevocationServiceServicer,
    add_RevocationServiceServicer_to_server,
)
from fairdb.backend.v1.backend_service_pb2_grpc import BackendNotificationServiceServicer


class Revocation(RevocationServiceServicer):
    pass


class CachedRevocation(Revocation):
    pass


class Notifications(BackendNotificationServiceServicer):
    """Shares its generated module with another service."""


class Both(AuthServiceServicer, RevocationServiceServicer):
    pass


def test_servicer_names_its_service() -> None:
    service = GeneratedService.of(Revocation)
    assert service.descriptor.full_name == "fairdb.auth.v1.RevocationService"
    assert service.add_to_server is add_RevocationServiceServicer_to_server


def test_subclass_of_a_servicer_has_the_same_service() -> None:
    assert GeneratedService.of(CachedRevocation) == GeneratedService.of(Revocation)


def test_servicer_from_a_module_with_two_services_has_the_one_that_it_implements() -> None:
    assert GeneratedService.of(Notifications).descriptor.name == "BackendNotificationService"


def test_servicer_of_two_services_is_refused() -> None:
    with pytest.raises(ServicerUnknown, match=r"Both implements several services .*write one class for each"):
        GeneratedService.of(Both)


def test_servicer_of_no_service_is_refused() -> None:
    with pytest.raises(ServicerUnknown, match=r"object must inherit from a generated"):
        GeneratedService.of(object)
