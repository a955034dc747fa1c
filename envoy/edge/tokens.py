"""How Envoy checks access tokens: signature, issuer, audience, times. Only services check for revocation."""

import json
from pathlib import Path

from chassis.files import write_atomically
from chassis.identity.keys import ACCOUNT_AUDIENCE, ACCOUNT_ISSUER, CLOCK_SKEW_SECONDS
from edge.typed import Config, shared, typed

TOKEN_REQUIRED = "token"  # noqa: S105 - the name of a requirement
JWT_FILTER = "envoy.filters.http.jwt_authn"
FILTER_CONFIG = "envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication"


def build_token_filter(tokens: Path) -> Config:
    """Return the filter, which reads its configuration, including the keys, from a file that it watches.

    A key set in a file of its own would be read only once, at Envoy's start.
    """
    return {
        "name": JWT_FILTER,
        "config_discovery": {
            "config_source": {
                "path_config_source": {"path": str(tokens), "watched_directory": {"path": str(tokens.parent)}},
                "resource_api_version": "V3",
            },
            "type_urls": [f"type.googleapis.com/{FILTER_CONFIG}"],
        },
    }


def build_route_access(anyone: bool) -> Config:
    """Return a route's setting for tokens. A route without this setting requires a token."""
    access: Config = {"disabled": True} if anyone else {"requirement_name": TOKEN_REQUIRED}
    config = typed("envoy.extensions.filters.http.jwt_authn.v3.PerRouteConfig", **access)
    return {JWT_FILTER: shared("anyone" if anyone else "needs_token", config)}


def write_token_filter(file: Path, keys: list[dict[str, str]]) -> None:
    """Write a configuration of the filter that trusts `keys`."""
    resource = typed("envoy.config.core.v3.TypedExtensionConfig", name=JWT_FILTER, typed_config=_filter_config(keys))
    write_atomically(file, json.dumps({"resources": [resource]}, indent=1).encode())


def _filter_config(keys: list[dict[str, str]]) -> Config:
    provider = {
        "issuer": ACCOUNT_ISSUER,
        "audiences": [ACCOUNT_AUDIENCE],
        "local_jwks": {"inline_string": json.dumps({"keys": keys})},
        # By default Envoy also accepts a token in the query, where logs would record it.
        "from_headers": [{"name": "authorization", "value_prefix": "Bearer "}],
        # Services verify the token again, so that they need not trust the edge.
        "forward": True,
        "require_expiration": True,
        "clock_skew_seconds": CLOCK_SKEW_SECONDS,
        "jwt_cache_config": {"jwt_cache_size": 1000},
    }
    return typed(
        FILTER_CONFIG,
        providers={"users": provider},
        requirement_map={TOKEN_REQUIRED: {"provider_name": "users"}},
        rules=[{"match": {"prefix": "/"}, "requires": {"provider_name": "users"}}],
        # The www-authenticate header would repeat the request's path.
        strip_failure_response=True,
    )
