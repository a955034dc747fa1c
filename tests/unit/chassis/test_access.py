"""Authorisation by the access option."""

import pytest
from google.protobuf import descriptor_pb2

from chassis.call_context import Caller
from chassis.errors import AccessDenied, AppError, Unauthenticated
from chassis.identity.access import authorise
from fairdb.options.v1 import access_pb2
from fairdb.options.v1.access_pb2 import ROLE_ADMIN, ROLE_RESEARCHER, ROLE_STEWARD, AccessRule

IMAGE = "gen/fairdb/descriptors.binpb"
NOBODY = Caller()
RESEARCHER = Caller(user_id="u", roles=frozenset({ROLE_RESEARCHER}))
GATEWAY = Caller(service="gateway")


def test_every_rpc_declares_its_callers(pytestconfig: pytest.Config) -> None:
    image = descriptor_pb2.FileDescriptorSet.FromString((pytestconfig.rootpath / IMAGE).read_bytes())
    methods = [
        (f"{file.package}.{service.name}.{method.name}", method.options)
        for file in image.file
        if file.package.startswith("fairdb.")
        for service in file.service
        for method in service.method
    ]
    assert len(methods) > 20
    undeclared = [name for name, options in methods if not options.HasExtension(access_pb2.access)]
    assert undeclared == []
    empty = [name for name, options in methods if options.Extensions[access_pb2.access] == AccessRule()]
    assert empty == []


@pytest.mark.parametrize(
    ("rule", "caller", "refusal"),
    [
        (AccessRule(anyone=True), NOBODY, None),
        (AccessRule(roles=[ROLE_RESEARCHER]), RESEARCHER, None),
        (AccessRule(roles=[ROLE_STEWARD, ROLE_ADMIN]), RESEARCHER, AccessDenied),
        (AccessRule(roles=[ROLE_RESEARCHER]), NOBODY, Unauthenticated),
        (AccessRule(services=["gateway"]), GATEWAY, None),
        (AccessRule(services=["privacy_svc"]), GATEWAY, AccessDenied),
        (AccessRule(services=["gateway"]), RESEARCHER, AccessDenied),
        (AccessRule(roles=[ROLE_RESEARCHER]), GATEWAY, AccessDenied),
        (AccessRule(), RESEARCHER, AccessDenied),
    ],
)
def test_rule_accepts_or_refuses_the_caller(rule: AccessRule, caller: Caller, refusal: type[AppError] | None) -> None:
    if refusal is None:
        authorise(rule, caller)
    else:
        with pytest.raises(refusal):
            authorise(rule, caller)
