"""How Envoy names the type of an extension's configuration."""

from typing import Any

Config = dict[str, Any]


def typed(message: str, **fields: Any) -> Config:
    """Return a configuration of Envoy's message `message`, as it stands in `typed_config`."""
    return {"@type": f"type.googleapis.com/{message}", **fields}
