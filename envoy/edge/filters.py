"""The HTTP filters, in the order in which a request meets them; its answer meets them in reverse."""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from edge.clusters import CONNECTION_BUFFER
from edge.contract import UPSTREAMS, PublicRpc
from edge.tokens import build_token_filter
from edge.typed import Config, typed

ANSWERS = Path(__file__).parents[1] / "answers.lua"

MEGABYTE = 1024 * 1024
MAX_REQUEST_BYTES = MEGABYTE
# Answers are up to 4 MB as the services count them, in gRPC. The same in JSON is longer.
MAX_RESPONSE_BYTES = 8 * MEGABYTE

# Where answers.lua too leaves what the log tells.
LOG_NAMESPACE = "fairdb.edge"
CORS_FILTER = "envoy.filters.http.cors"
BUFFER_FILTER = "envoy.filters.http.buffer"


def build_filters(descriptors: Path, tokens: Path, rate_limit: int, rpcs: Iterable[PublicRpc]) -> list[Config]:
    """Return the chain of HTTP filters."""
    return [
        # First, so that whatever a later filter refuses has its correlation id.
        {"name": "envoy.filters.http.lua", "typed_config": _lua(rpcs)},
        # Before the transcoder, which knows no OPTIONS and would answer a preflight with 404.
        {"name": CORS_FILTER, "typed_config": typed("envoy.extensions.filters.http.cors.v3.Cors")},
        {"name": "envoy.filters.http.local_ratelimit", "typed_config": _rate_limit(rate_limit)},
        # Before the tokens are checked: it turns every path into an RPC's, so that access is decided in one place. It
        # hands on a request's headers before its body, so nobody's body is read before the token is.
        {"name": "envoy.filters.http.grpc_json_transcoder", "typed_config": _transcoder(descriptors)},
        build_token_filter(tokens),
        # For the log: transcoding an error removes its gRPC status.
        {"name": "envoy.filters.http.header_to_metadata", "typed_config": _grpc_status_to_log()},
        # The transcoder limits REST; this limits gRPC, and keeps the request whole in case it is repeated. Streams
        # disable it on their routes.
        {
            "name": BUFFER_FILTER,
            "typed_config": typed(
                "envoy.extensions.filters.http.buffer.v3.Buffer", max_request_bytes=MAX_REQUEST_BYTES
            ),
        },
        {
            "name": "envoy.filters.http.router",
            # x-envoy-* headers would tell clients about our insides.
            "typed_config": typed("envoy.extensions.filters.http.router.v3.Router", suppress_envoy_headers=True),
        },
    ]


def build_cors_policy(origins: Sequence[str]) -> Config:
    """Return who may call from a browser; nobody when there are no origins."""
    return {
        CORS_FILTER: typed(
            "envoy.extensions.filters.http.cors.v3.CorsPolicy",
            allow_origin_string_match=[{"exact": origin} for origin in origins],
            allow_methods="GET, POST, PUT, PATCH, DELETE",
            allow_headers="authorization, content-type, idempotency-key, if-match, x-correlation-id",
            expose_headers="etag, location, retry-after, x-correlation-id",
            max_age="600",
        )
    }


def pass_unbuffered() -> Config:
    """Return what a route says whose requests are passed on as they come; the service limits them."""
    return {BUFFER_FILTER: typed("envoy.extensions.filters.http.buffer.v3.BufferPerRoute", disabled=True)}


def _lua(rpcs: Iterable[PublicRpc]) -> Config:
    script = ANSWERS.read_text(encoding="utf-8")
    calls = "".join(f"  {_lua_call(rpc)},\n" for rpc in rpcs if rpc.fields)
    source = f"local LARGEST_BODY = {CONNECTION_BUFFER}\nlocal CALLS = {{\n{calls}}}\n{script}"
    return typed("envoy.extensions.filters.http.lua.v3.Lua", default_source_code={"inline_string": source})


def _lua_call(rpc: PublicRpc) -> str:
    """Return an entry of the script's CALLS. Paths and fields are the contract's own: letters, slashes, colons."""
    parts = [re.sub(r"([^\w/:])", r"%\1", part) for part in re.split(r"\{\w+\}", rpc.rest_path)]
    known = ", ".join(f'["{name}"] = true' for name in rpc.fields)
    shown = ", ".join(name for name in rpc.fields if "_" not in name)
    return (
        f'{{verb = "{rpc.verb.upper()}", path = "^{"[^/]+".join(parts)}$", needs_token = {str(not rpc.anyone).lower()},'
        f' fields = "{shown}", known = {{{known}}}}}'
    )


def _rate_limit(a_second: int) -> Config:
    always = {"default_value": {"numerator": 100, "denominator": "HUNDRED"}}
    return typed(
        "envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit",
        stat_prefix="edge",
        token_bucket={"max_tokens": a_second, "tokens_per_fill": a_second, "fill_interval": "1s"},
        filter_enabled=always,
        filter_enforced=always,
    )


def _grpc_status_to_log() -> Config:
    metadata = {"metadata_namespace": LOG_NAMESPACE, "key": "grpc_status", "type": "NUMBER"}
    return typed(
        "envoy.extensions.filters.http.header_to_metadata.v3.Config",
        response_rules=[{"header": "grpc-status", "on_header_present": metadata}],
    )


def _transcoder(descriptors: Path, services: Iterable[str] = UPSTREAMS) -> Config:
    return typed(
        "envoy.extensions.filters.http.grpc_json_transcoder.v3.GrpcJsonTranscoder",
        proto_descriptor=str(descriptors),
        services=sorted(services),
        # Errors as google.rpc.Status in JSON.
        convert_grpc_status=True,
        # All off by default: a wrong path would reach the services as it is, and a mistyped parameter be ignored.
        request_validation_options={
            "reject_unknown_method": True,
            "reject_unknown_query_parameters": True,
            "reject_binding_body_field_collisions": True,
        },
        # Names in lowerCamelCase, as protobuf's JSON has them. Zeros and empty lists are printed, so that a client
        # need not know which fields can be missing.
        print_options={"always_print_primitive_fields": True},
        # "filter=a+b" means "a b", as HTML forms and most libraries send it.
        query_param_unescape_plus=True,
        # Without these it holds no more than a connection's buffer, and a 40 KB answer becomes a 500.
        max_request_body_size=MAX_REQUEST_BYTES,
        max_response_body_size=MAX_RESPONSE_BYTES,
    )
