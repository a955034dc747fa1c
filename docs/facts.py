"""Reads the facts of the reference pages from the code: error statuses, uses of events, docstrings, comments."""

import ast
import importlib
import inspect
import pkgutil
import textwrap
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from types import ModuleType

from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.rpc.code_pb2 import Code

from backend_svc.lifecycle.consumers import SUBSCRIPTIONS
from chassis.errors import AppError
from deploy.services import NAMES
from edge.replies import REPLIES
from fairdb.errors.v1.error_reason_pb2 import ErrorReason

ROOT = Path(__file__).resolve().parents[1]
PREFIX = "ERROR_REASON_"
# The HTTP status of each gRPC code, as Envoy's transcoder maps them.
HTTP = {
    "INVALID_ARGUMENT": 400,
    "FAILED_PRECONDITION": 400,
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "NOT_FOUND": 404,
    "ALREADY_EXISTS": 409,
    "ABORTED": 409,
    "RESOURCE_EXHAUSTED": 429,
    "UNIMPLEMENTED": 501,
    "INTERNAL": 500,
    "UNAVAILABLE": 503,
    "DEADLINE_EXCEEDED": 504,
}


def reason_statuses() -> dict[str, set[tuple[str, int]]]:
    """Map each reason to the gRPC codes and HTTP statuses with which a service or the edge sends it."""
    for package in ("chassis", *NAMES):
        for module in submodules(importlib.import_module(package)):
            if module.endswith(".errors"):
                importlib.import_module(module)
    found: dict[str, set[tuple[str, int]]] = {}
    queue = [AppError]
    while queue:
        error = queue.pop()
        queue += error.__subclasses__()
        http = int(error.http_code) if error.http_code else HTTP[error.code.name]
        found.setdefault(error.reason, set()).add((error.code.name, http))
    for reply in REPLIES:
        reason = ErrorReason.Name(reply.reason).removeprefix(PREFIX)
        found.setdefault(reason, set()).add((Code.Name(reply.code), reply.http))
    return found


def submodules(package: ModuleType) -> Iterator[str]:
    yield from (module.name for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."))


def comments(file: FileDescriptorProto) -> dict[tuple[int, ...], str]:
    """Map each element's path in the file to its leading comment."""
    return {tuple(item.path): item.leading_comments for item in file.source_code_info.location}


def event_users() -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """Map each event type to the services that publish it and to the queues that receive it."""
    published: dict[str, list[str]] = {}
    consumed: dict[str, list[str]] = {}
    for service in NAMES:
        for text in {
            text for path in (ROOT / service).rglob("*.py") for text in constants(ast.parse(path.read_text()))
        }:
            published.setdefault(text, []).append(service)
    for subscription in SUBSCRIPTIONS:
        for kind in subscription.types:
            consumed.setdefault(kind, []).append(f"`{subscription.queue}`")
    return published, consumed


def constants(tree: ast.AST) -> set[str]:
    """Return the string literals in the code, except those in a `Subscription(...)`, which name consumed events."""
    skipped = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Subscription"
        for inner in ast.walk(node)
    }
    return {
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in skipped
    }


def attribute_docstrings(kind: type) -> dict[str, str]:
    """Map the attributes of a class to the docstrings below them."""
    body = ast.parse(textwrap.dedent(inspect.getsource(kind))).body[0]
    if not isinstance(body, ast.ClassDef):
        raise TypeError(f"{kind} is not a class statement")
    return {
        above.target.id: below.value.value
        for above, below in pairwise(body.body)
        if isinstance(above, ast.AnnAssign)
        and isinstance(above.target, ast.Name)
        and isinstance(below, ast.Expr)
        and isinstance(below.value, ast.Constant)
        and isinstance(below.value.value, str)
    }
