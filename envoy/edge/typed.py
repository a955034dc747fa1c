"""Envoy configuration as plain values: dictionaries, with the type of each extension and notes for readers."""

from typing import Any

Config = dict[str, Any]


class Annotated(dict[str, Any]):
    """A section of a configuration, with a comment and an anchor that `edge.yaml` writes for readers."""

    comment: str = ""
    anchor: str = ""
    """YAML anchor of a section that occurs in several places: it is written once, then referred to."""


def explained(comment: str, config: Config) -> Config:
    """Return the configuration with a comment above it."""
    result = Annotated(config)
    result.comment = comment
    return result


def shared(anchor: str, config: Config, comment: str = "") -> Config:
    """Return the configuration with a YAML anchor: it is written once, then referred to as `*anchor`."""
    result = Annotated(config)
    result.anchor, result.comment = anchor, comment
    return result


def typed(message: str, **fields: Any) -> Config:
    """Return a configuration of Envoy's message `message`, in the form that `typed_config` takes."""
    return {"@type": f"type.googleapis.com/{message}", **fields}
