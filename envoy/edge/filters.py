"""The HTTP filters, in the order in which requests pass them. Responses pass them in reverse."""

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from edge.contract import UPSTREAMS, PublicRpc
from edge.schemas import Schema
from edge.tokens import build_token_filter
from edge.typed import Config, explained, typed

ANSWERS = Path(__file__).parents[1] / "answers.lua"
BODIES = ANSWERS.with_name("bodies.lua")

MEGABYTE = 1024 * 1024
MAX_REQUEST_BYTES = MEGABYTE
# Services answer with up to 4 MB of protobuf, which is longer as JSON.
MAX_RESPONSE_BYTES = 8 * MEGABYTE

# The dynamic metadata that the access log prints; answers.lua writes to the same namespace.
LOG_NAMESPACE = "fairdb.edge"
CORS_FILTER = "envoy.filters.http.cors"
BUFFER_FILTER = "envoy.filters.http.buffer"

MAX_CLIENTS = 10_000
"""Number of clients whose requests are counted; those that were quiet longest are forgotten."""


class RateLimits(NamedTuple):
    """Requests a second."""

    client: int
    total: int


def build_filters(
    descriptors: Path, tokens: Path, rates: RateLimits, rpcs: Sequence[PublicRpc], schemas: Mapping[str, Schema]
) -> list[Config]:
    """Return the chain of HTTP filters."""
    return [
        _filter(
            "envoy.filters.http.lua",
            _answers(),
            "This filter is first, so that even a request that a later filter rejects has a correlation id. The script"
            " is envoy/answers.lua.",
        ),
        _filter(
            CORS_FILTER,
            typed("envoy.extensions.filters.http.cors.v3.Cors"),
            "CORS precedes the transcoder, which has no OPTIONS method and would answer a preflight request with 404.",
        ),
        _filter(
            "envoy.filters.http.local_ratelimit",
            _rate_limit(rates),
            "Limits the requests of each client (an address), and those of all clients together.",
        ),
        _filter(
            "envoy.filters.http.header_mutation",
            typed(
                "envoy.extensions.filters.http.header_mutation.v3.HeaderMutation",
                mutations={
                    "request_trailers_mutations": [
                        {"remove_on_match": {"key_matcher": {"safe_regex": {"regex": ".*"}}}}
                    ]
                },
            ),
            "Removes all trailers of requests. Services would take them for headers of gRPC.",
        ),
        _filter(
            "bodies",
            _bodies(rpcs, schemas),
            "The transcoder would drop a field that it does not know. This filter follows the CORS filter, so that web"
            " pages can read its errors. The script is envoy/bodies.lua; the variables above it come from the protos.",
        ),
        _filter(
            "envoy.filters.http.grpc_json_transcoder",
            _transcoder(descriptors),
            "The transcoder precedes the token check, so that access is decided in one place: from here on, every path"
            " is the path of an RPC. The transcoder passes headers on before it reads the body, so an invalid token is"
            " rejected without reading the body.",
        ),
        build_token_filter(tokens),
        _filter(
            "envoy.filters.http.header_to_metadata",
            _grpc_status_to_log(),
            "Copies the gRPC status for the access log, because transcoding removes it from errors.",
        ),
        _filter(
            BUFFER_FILTER,
            typed("envoy.extensions.filters.http.buffer.v3.Buffer", max_request_bytes=MAX_REQUEST_BYTES),
            "Limits the size of gRPC requests (the transcoder limits REST requests), and buffers requests for retries."
            " The routes of streams disable this filter.",
        ),
        _filter(
            "envoy.filters.http.router",
            typed("envoy.extensions.filters.http.router.v3.Router", suppress_envoy_headers=True),
            "Suppresses x-envoy-* response headers, which would reveal internals.",
        ),
    ]


def build_cors_policy(origins: Sequence[str]) -> Config:
    """Return the per-route CORS policy that lets web pages of these origins call the API."""
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
    """Return the per-route setting for requests that are not buffered. The service limits their size."""
    return {BUFFER_FILTER: typed("envoy.extensions.filters.http.buffer.v3.BufferPerRoute", disabled=True)}


def _filter(name: str, config: Config, comment: str) -> Config:
    return explained(comment, {"name": name, "typed_config": config})


def _answers() -> Config:
    return _lua(ANSWERS.read_text(encoding="utf-8"))


def _bodies(rpcs: Sequence[PublicRpc], schemas: Mapping[str, Schema]) -> Config:
    calls = "".join(f"  {_lua_call(rpc)},\n" for rpc in rpcs if rpc.verb)
    messages = "".join(f'  ["{name}"] = {_lua_table(schema)},\n' for name, schema in schemas.items())
    script = BODIES.read_text(encoding="utf-8")
    unary = "".join(f'  ["{rpc.path}"] = true,\n' for rpc in rpcs if not rpc.streams)
    return _lua(f"local CALLS = {{\n{calls}}}\nlocal SCHEMAS = {{\n{messages}}}\nlocal UNARY = {{\n{unary}}}\n{script}")


def _lua(source: str) -> Config:
    return typed("envoy.extensions.filters.http.lua.v3.Lua", default_source_code={"inline_string": source})


def _lua_call(rpc: PublicRpc) -> str:
    """Return an entry of the script's CALLS. Paths and fields come from the protos, never from clients."""
    parts = [re.sub(r"([^\w/:])", r"%\1", part) for part in re.split(r"\{\w+\}", rpc.rest_path)]
    body = f' body = "{rpc.body}",' if rpc.body else ""
    return (
        f'{{verb = "{rpc.verb.upper()}", path = "^{"[^/]+".join(parts)}$", needs_token = {str(not rpc.anyone).lower()},'
        f"{body} query = {_lua_table(dict.fromkeys(rpc.query, 'any'))}}}"
    )


def _lua_table(schema: Schema) -> str:
    return "{" + ", ".join(f'["{name}"] = "{kind}"' for name, kind in schema.items()) + "}"


def _rate_limit(rates: RateLimits) -> Config:
    always = {"default_value": {"numerator": 100, "denominator": "HUNDRED"}}
    return typed(
        "envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit",
        stat_prefix="edge",
        token_bucket=_bucket(rates.total),
        rate_limits=[{"actions": [{"masked_remote_address": {"v4_prefix_mask_len": 32, "v6_prefix_mask_len": 64}}]}],
        # An entry without a value makes a bucket for each address.
        descriptors=[{"entries": [{"key": "masked_remote_address"}], "token_bucket": _bucket(rates.client)}],
        max_dynamic_descriptors=MAX_CLIENTS,
        filter_enabled=always,
        filter_enforced=always,
    )


def _bucket(a_second: int) -> Config:
    return {"max_tokens": a_second, "tokens_per_fill": a_second, "fill_interval": "1s"}


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
        # Return errors as google.rpc.Status in JSON.
        convert_grpc_status=True,
        # By default, unknown paths would reach the services, and misspelt parameters would be ignored.
        request_validation_options={
            "reject_unknown_method": True,
            "reject_unknown_query_parameters": True,
            "reject_binding_body_field_collisions": True,
        },
        # Names are in lowerCamelCase, as in protobuf's JSON. Zeros and empty lists are printed, so that clients can
        # rely on every field.
        print_options={"always_print_primitive_fields": True},
        # "filter=a+b" means "a b": HTML forms and most libraries encode a space in this way.
        query_param_unescape_plus=True,
        # By default both limits equal a connection's buffer, so that an answer of 40 KB would become a 500.
        max_request_body_size=MAX_REQUEST_BYTES,
        max_response_body_size=MAX_RESPONSE_BYTES,
    )
