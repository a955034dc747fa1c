"""Authorisation by the `access` option that every RPC declares in its proto."""

from functools import cache

from google.protobuf import descriptor_pool
from google.protobuf.descriptor_pb2 import MethodOptions

from chassis.call_context import Caller
from chassis.errors import AccessDenied, Unauthenticated
from fairdb.options.v1 import access_pb2
from fairdb.options.v1.access_pb2 import AccessRule, Role


class AccessUndeclared(Exception):
    """An RPC does not declare the access option, so no caller is allowed."""


@cache
def rule_of(method: str) -> AccessRule:
    """Return the rule of a method, "/package.Service/Method". Raises AccessUndeclared."""
    name = method.lstrip("/").replace("/", ".")
    descriptor = descriptor_pool.Default().FindMethodByName(name)
    options = descriptor.GetOptions()
    if not options.HasExtension(access_pb2.access):
        raise AccessUndeclared(name)
    return options.Extensions[access_pb2.access]


@cache
def is_batched(method: str) -> bool:
    """Return whether calls of a method, "/package.Service/Method", may be sent in batches."""
    return _options_of(method).Extensions[access_pb2.batched]


@cache
def only_reads(method: str) -> bool:
    """Return whether a method has no side effects, so that one call may answer several equal requests."""
    return _options_of(method).idempotency_level == MethodOptions.NO_SIDE_EFFECTS


def _options_of(method: str) -> MethodOptions:
    """Return a method's options; empty ones for a method of another project."""
    try:
        return descriptor_pool.Default().FindMethodByName(method.lstrip("/").replace("/", ".")).GetOptions()
    except KeyError:
        return MethodOptions()


def authorise(rule: AccessRule, caller: Caller) -> None:
    """Accept the caller, or raise Unauthenticated (unknown caller) or AccessDenied (known, but not allowed)."""
    if rule.anyone or caller.service in rule.services or caller.roles.intersection(rule.roles):
        return
    if caller.user_id is None and caller.service is None:
        raise Unauthenticated
    raise AccessDenied(
        roles=",".join(Role.Name(role).removeprefix("ROLE_").lower() for role in rule.roles),
        services=",".join(rule.services),
    )
