"""The JSON form of the messages that clients send, for bodies.lua: the fields of each message and their types."""

from collections.abc import Iterator, Mapping

from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto, FileDescriptorSet

_SCALARS = {
    FieldDescriptorProto.TYPE_STRING: "string",
    FieldDescriptorProto.TYPE_BYTES: "string",
    FieldDescriptorProto.TYPE_BOOL: "boolean",
    FieldDescriptorProto.TYPE_ENUM: "enum",
}
# Messages that JSON writes as something else than an object with their fields.
_WELL_KNOWN = {
    ".google.protobuf.Value": "any",
    ".google.protobuf.Timestamp": "time",
    ".google.protobuf.FieldMask": "string",
    ".google.protobuf.Duration": "string",
}
Schema = dict[str, str]
"""The type of each field, by its name. A field has two names: lowerCamelCase, and that of the proto.

A type is "string", "number", "boolean", "enum", "time", "any" or the name of a message; "list " and "map " before it
denote a list and an object with any keys.
"""


class Schemas:
    """The messages of a descriptor set."""

    def __init__(self, files: FileDescriptorSet) -> None:
        self._messages = dict(_all_messages(files))

    def message(self, name: str) -> DescriptorProto:
        """Return a message by its full name with a leading dot."""
        return self._messages[name]

    def schema(self, name: str) -> Schema:
        """Return the JSON fields of a message."""
        return {
            written: self._type(field)
            for field in self._messages[name].field
            for written in dict.fromkeys((field.json_name, field.name))
        }

    def reachable(self, names: set[str]) -> Mapping[str, Schema]:
        """Return the schemas of these messages and of all messages in them, by name."""
        found: dict[str, Schema] = {}
        waiting = sorted(names)
        while waiting:
            name = waiting.pop()
            if name not in found:
                found[name] = self.schema(name)
                waiting += [part for kind in found[name].values() for part in kind.split() if part.startswith(".")]
        return dict(sorted(found.items()))

    def query_names(self, name: str, bound: set[str], prefix: str = "") -> Iterator[str]:
        """Yield the query parameters of a call: the fields of its request that the path does not contain."""
        for field in self._messages[name].field:
            if not prefix and field.name in bound:
                continue
            for written in dict.fromkeys((field.json_name, field.name)):
                kind = self._type(field).removeprefix("list ")
                if kind.startswith("."):
                    yield from self.query_names(kind, bound, f"{prefix}{written}.")
                else:
                    yield prefix + written

    def _type(self, field: FieldDescriptorProto) -> str:
        kind = _SCALARS.get(field.type, "number")
        if field.type == FieldDescriptorProto.TYPE_MESSAGE:
            message = self._messages.get(field.type_name)
            if message is not None and message.options.map_entry:
                return f"map {self._type(message.field[1])}"
            kind = _WELL_KNOWN.get(field.type_name, field.type_name)
        return f"list {kind}" if field.label == FieldDescriptorProto.LABEL_REPEATED else kind


def _all_messages(files: FileDescriptorSet) -> Iterator[tuple[str, DescriptorProto]]:
    def walk(prefix: str, messages: Iterator[DescriptorProto]) -> Iterator[tuple[str, DescriptorProto]]:
        for message in messages:
            name = f"{prefix}.{message.name}"
            yield name, message
            yield from walk(name, iter(message.nested_type))

    for file in files.file:
        yield from walk(f".{file.package}" if file.package else "", iter(file.message_type))
