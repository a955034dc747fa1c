"""ImportService: accepts rows as messages or as a file. The answer to a file is lines of JSON."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from contextlib import aclosing
from typing import Any

import grpc
from google.api.httpbody_pb2 import HttpBody

from chassis import call_context
from chassis.errors import InvalidRequest
from fairdatabase.violations import violations_of
from fairdb.samples.v1 import import_service_pb2 as pb
from fairdb.samples.v1 import import_service_pb2_grpc
from gateway.imports.files import FileReader, open_reader
from gateway.imports.importing import Importing
from gateway.imports.places import Holder
from gateway.imports.rows import Item, Row
from gateway.imports.stream import Messages

Context = grpc.aio.ServicerContext

_NDJSON = "application/x-ndjson"
_CHUNK_BYTES = 32 * 1024
_HANG_UP_SECONDS = 0.25
"""Longer than gRPC takes to notice that a caller has hung up."""


class ImportServicer(import_service_pb2_grpc.ImportServiceServicer):
    """Imports rows."""

    def __init__(self, importing: Importing) -> None:
        self._importing = importing

    async def ImportSamples(
        self, request_iterator: AsyncIterator[pb.ImportSamplesRequest], context: Context
    ) -> AsyncGenerator[pb.ImportSamplesResponse, None]:
        async with (
            self._importing.places.hold(_holder()) as pace,
            aclosing(Messages(request_iterator, pace)) as messages,
        ):
            defaults = _defaults(await messages.first())
            answers = self._importing.run(_rows_of(messages), messages, defaults)
            async with aclosing(answers):
                async for answer in answers:
                    if answer.ByteSize():
                        yield answer
                    else:
                        await context.send_initial_metadata(())

    async def ImportFile(
        self, request_iterator: AsyncIterator[pb.ImportFileRequest], context: Context
    ) -> AsyncGenerator[HttpBody, None]:
        async with (
            self._importing.places.hold(_holder()) as pace,
            aclosing(Messages(request_iterator, pace)) as messages,
        ):
            first = await messages.first()
            defaults = _defaults(first)
            reader = open_reader(first.file.content_type)
            answers = self._importing.run(_rows_in(reader, messages), messages, defaults)
            async with aclosing(answers):
                async for answer in answers:
                    if answer.ByteSize():
                        yield HttpBody(content_type=_NDJSON, data=_to_lines(answer))
                    else:
                        # Begin the answer now: the edge limits the time until an answer begins.
                        await context.send_initial_metadata(())


def _holder() -> Holder:
    return Holder.of(call_context.current().caller)


def _defaults(first: pb.ImportSamplesRequest | pb.ImportFileRequest) -> tuple[str, str]:
    """Return the study and the organism for rows without them. Raises InvalidRequest."""
    # Validate a copy without rows: a violation in a row rejects only that row.
    if violations := violations_of(type(first)(study=first.study, organism=first.organism)):
        raise InvalidRequest(violations=violations)
    return first.study, first.organism


async def _rows_of(messages: AsyncIterator[pb.ImportSamplesRequest]) -> AsyncGenerator[Item, None]:
    async for message in messages:
        for row in message.rows:
            yield Row(row.sample, row.request_id, row.ByteSize())


async def _rows_in(reader: FileReader, messages: AsyncIterator[pb.ImportFileRequest]) -> AsyncGenerator[Item, None]:
    async for message in messages:
        data = message.file.data
        for at in range(0, len(data), _CHUNK_BYTES):
            for item in reader.feed(data[at : at + _CHUNK_BYTES]):
                yield item
            # Yield to the event loop: a chunk of blank lines yields no row.
            await asyncio.sleep(0)
    if reader.unfinished():
        # A hang-up first looks like the end of the file. Wait until gRPC would have reported it and cancelled this
        # call, so that a truncated last row is not stored.
        await asyncio.sleep(_HANG_UP_SECONDS)
    for item in reader.end():
        yield item


def _to_lines(answer: pb.ImportSamplesResponse) -> bytes:
    lines: list[dict[str, Any]] = [{"columns": _dropped(answer.columns)}] if answer.columns else []
    lines += [_to_object(row) for row in answer.rows]
    if answer.HasField("summary"):
        lines.append({"summary": _summary(answer.summary)})
    return "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines).encode()


def _to_object(row: pb.ImportedRow) -> dict[str, Any]:
    if row.HasField("error"):
        return {"row": row.row, "error": _error(row.error)}
    found: dict[str, Any] = {"row": row.row, "id": row.id}
    if row.dropped_fields:
        found["droppedFields"] = list(row.dropped_fields)
    if row.more_dropped_fields:
        found["moreDroppedFields"] = row.more_dropped_fields
    return found


def _summary(summary: pb.ImportSummary) -> dict[str, Any]:
    found: dict[str, Any] = {name: getattr(summary, name) for name in ("rows", "stored", "repeated", "refused")}
    found["dropped"] = _dropped(summary.dropped)
    if summary.comments:
        found["comments"] = summary.comments
    if summary.more_dropped:
        found["moreDropped"] = summary.more_dropped
    return {**found, "stopped": _error(summary.stopped)} if summary.HasField("stopped") else found


def _dropped(columns: Iterable[pb.DroppedColumn]) -> list[dict[str, Any]]:
    return [
        {"field": dropped.field, "cause": pb.DroppedColumn.Cause.Name(dropped.cause), "reason": dropped.reason}
        | ({"rows": dropped.rows} if dropped.rows else {})
        for dropped in columns
    ]


def _error(error: pb.ImportError) -> dict[str, Any]:
    violations = [{"field": item.field, "description": item.description} for item in error.violations]
    described = {"reason": error.reason, "message": error.message, "violations": violations}
    return {**described, "metadata": dict(sorted(error.metadata.items()))} if error.metadata else described
