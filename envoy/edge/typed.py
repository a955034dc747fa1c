"""Envoy configuration as plain values: dictionaries, with the type of each extension and notes for readers."""

from typing import Any

Config = dict[str, Any]


class Annotated(dict[str, Any]):
    """A part of a configuration with notes for its readers, which `edge.yaml` writes."""

    comment: str = ""
    anchor: str = ""
    """YAML anchor of a part that occurs in several places: the part is written once, then referred to."""


def explained(comment: str, config: Config) -> Config:
    """Return the configuration with a comment above it."""
    result = Annotated(config)
    result.comment = comment
    return result


def shared(anchor: str, config: Config, comment: str = "") -> Config:
    """Return the configuration as a YAML anchor: where it occurs again, `*anchor` stands for it."""
    result = Annotated(config)
    result.anchor, result.comment = anchor, comment
    return result


def typed(message: str, **fields: Any) -> Config:
    """Return a configuration of Envoy's message `message`, in the form that `typed_config` takes."""
    return {"@type": f"type.googleapis.com/{message}", **fields}
