"""Writes a configuration as YAML for people: block style, literal blocks, comments, anchors.

Equal values give equal text, so that a committed file can be compared with a new one.
"""

import json
import re
import textwrap
from collections.abc import Iterator, Sequence
from typing import Any

from edge.typed import Annotated, Config

_COMMENT_WIDTH = 100
_PLAIN_KEY = re.compile(r"[A-Za-z_][\w.-]*", re.ASCII)
# Texts that need no quotes, because no YAML parser reads them as a number, a boolean or syntax.
_PLAIN_TEXT = re.compile(r"[A-Za-z/_][\w./-]*|\d+(?:\.\d+)?s", re.ASCII)
_RESERVED = {"true", "false", "yes", "no", "on", "off", "y", "n", "null"}


def to_yaml(config: Config, header: str = "") -> str:
    """Return the configuration as one YAML document, below `header` as a comment."""
    comment = [f"# {line}".rstrip() for line in header.splitlines()]
    return "\n".join([*comment, *_Writer().mapping(config)]) + "\n"


class _Writer:
    """Writes one document, and knows which anchors it has written."""

    def __init__(self) -> None:
        self._anchors: dict[str, Config] = {}

    def mapping(self, config: Config) -> Iterator[str]:
        for key, value in config.items():
            name = key if _is_plain(_PLAIN_KEY, key) else json.dumps(key)
            if isinstance(value, str) and "\n" in value:
                yield from _literal(name, value)
            elif value and isinstance(value, dict):
                mark, is_written = self._mark(value)
                if not is_written:
                    yield from _comment(value)
                yield f"{name}:{mark}"
                if not is_written:
                    yield from (_indented(line) for line in self.mapping(value))
            elif value and isinstance(value, list | tuple):
                yield f"{name}:"
                yield from self._sequence(value)
            else:
                yield f"{name}: {_scalar(value)}"

    def _sequence(self, items: Sequence[Any]) -> Iterator[str]:
        for item in items:
            if not item or not isinstance(item, dict):
                yield f"- {_scalar(item)}"
                continue
            mark, is_written = self._mark(item)
            if not is_written:
                yield from _comment(item)
            if mark:
                yield f"-{mark}"
            if not is_written:
                for number, line in enumerate(self.mapping(item)):
                    yield _indented(line) if number or mark else f"- {line}"

    def _mark(self, config: Config) -> tuple[str, bool]:
        """Return the anchor or alias of a section, and whether it replaces the section."""
        anchor = config.anchor if isinstance(config, Annotated) else ""
        if not anchor:
            return "", False
        if anchor not in self._anchors:
            self._anchors[anchor] = config
            return f" &{anchor}", False
        if self._anchors[anchor] != config:
            raise ValueError(f"two parts share the anchor {anchor} but differ")
        return f" *{anchor}", True


def _literal(name: str, text: str) -> Iterator[str]:
    """Write a text of several lines as a literal block."""
    if text[0].isspace() or text.endswith("\n\n"):
        raise ValueError("a literal block cannot contain this text")
    yield f"{name}: {'|' if text.endswith(chr(10)) else '|-'}"
    yield from (_indented(line) for line in text.removesuffix("\n").split("\n"))


def _scalar(value: Any) -> str:
    if isinstance(value, str):
        if _is_plain(_PLAIN_TEXT, value):
            return value
        if '"' in value and value.isprintable():
            # Use single quotes, which keep JSON readable: in double quotes, each inner quote would need a backslash.
            return "'" + value.replace("'", "''") + "'"
    if isinstance(value, dict | list | tuple) and value:
        raise TypeError("a list may contain only mappings and scalars")
    return json.dumps(value)


def _is_plain(pattern: re.Pattern[str], text: str) -> bool:
    return pattern.fullmatch(text) is not None and text.lower() not in _RESERVED


def _comment(config: Config) -> Iterator[str]:
    if isinstance(config, Annotated):
        yield from (f"# {line}" for line in textwrap.wrap(config.comment, _COMMENT_WIDTH))


def _indented(line: str) -> str:
    return f"  {line}" if line else ""
