"""The list of services agrees with all other files that name services."""

import tomllib
from collections.abc import Iterator
from typing import Any

import pytest
from google.protobuf.descriptor import MethodDescriptor

from chassis.serving.settings import Settings
from deploy.local.layout import CHECKOUT
from deploy.local.ports import Ports, PortUnreadable
from deploy.services import NAMES, SERVICES
from fairdb.auth.v1 import revocation_service_pb2
from fairdb.batch.v1 import batch_service_pb2
from fairdb.options.v1 import access_pb2

PYPROJECT = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())
CONTRACTS: list[dict[str, Any]] = PYPROJECT["tool"]["importlinter"]["contracts"]


def modules_of(contract: dict[str, Any]) -> set[str]:
    """Return every module that an import contract names."""
    return {module for value in contract.values() for module in _words(value)}


def _words(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield from value.replace("|", " ").split()
    elif isinstance(value, list):
        for item in value:
            yield from _words(item)


@pytest.mark.parametrize("name", NAMES)
def test_import_contracts_cover_every_service(name: str) -> None:
    assert name in PYPROJECT["tool"]["importlinter"]["root_packages"]
    for contract in CONTRACTS:
        # A contract that names one service must name all, unless it lists the modules of one container.
        if modules_of(contract) & set(NAMES) and not contract.get("containers"):
            assert name in modules_of(contract), contract["name"]
    assert [contract for contract in CONTRACTS if contract.get("containers") == [name] and contract.get("exhaustive")]


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        (batch_service_pb2.DESCRIPTOR.services_by_name["BatchService"].methods[0], {*NAMES}),
        (revocation_service_pb2.DESCRIPTOR.services_by_name["RevocationService"].methods[0], {*NAMES} - {"auth_svc"}),
    ],
    ids=["batches", "revocations"],
)
def test_every_service_may_call_the_shared_rpcs(method: MethodDescriptor, expected: set[str]) -> None:
    assert set(method.GetOptions().Extensions[access_pb2.access].services) == expected


def test_coverage_is_measured_for_every_service() -> None:
    assert set(NAMES) <= set(PYPROJECT["tool"]["coverage"]["run"]["source"])


def test_services_and_packages_correspond() -> None:
    assert {path.parent.name for path in CHECKOUT.glob("*/app.py")} == set(NAMES)


def test_service_settings_have_no_default_ports() -> None:
    assert Settings.model_fields["port"].is_required()
    assert Settings.model_fields["metrics_port"].is_required()


def test_variables_change_service_ports() -> None:
    name = SERVICES[0].label
    moved = Ports.defaults({f"FAIRDB_PORT_METRICS_{name.upper()}": "18000"})
    assert moved.number(f"metrics_{name}") == 18000
    assert moved.number(name) == SERVICES[0].port
    assert Ports.of(moved.numbers()) == moved


def test_default_ports_differ() -> None:
    assert len(set(Ports().numbers().values())) == len(Ports().numbers())
    Ports.free().require_different()


@pytest.mark.parametrize(
    ("environ", "message"),
    [
        ({"FAIRDB_PORT_MARS": "8000"}, "FAIRDB_PORT_MARS is unknown"),
        ({"FAIRDB_PORT_EDGE": "http"}, "FAIRDB_PORT_EDGE='http' is not a port"),
        ({"FAIRDB_PORT_EDGE": "8001"}, "FAIRDB_PORT_EDGE and FAIRDB_PORT_AUTH are both 8001"),
    ],
)
def test_invalid_port_variable_is_an_error(environ: dict[str, str], message: str) -> None:
    with pytest.raises(PortUnreadable, match=message):
        Ports.defaults(environ)
