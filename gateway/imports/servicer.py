"""ImportService: rows as messages or as a file, and what became of them in the same form."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Any

import grpc
from google.api.httpbody_pb2 import HttpBody

from chassis.errors import InvalidRequest
from fairdatabase.violations import violations_of
from fairdb.samples.v1 import import_service_pb2 as pb
from fairdb.samples.v1 import import_service_pb2_grpc
from gateway.imports.files import FileReader, open_reader
from gateway.imports.importing import Importing
from gateway.imports.rows import Item, Row
from gateway.imports.stream import Messages

Context = grpc.aio.ServicerContext

_NDJSON = "application/x-ndjson"
_CUT_AT_ONCE = 32 * 1024
_HANG_UP_SECONDS = 0.25
"""Longer than it takes until a caller who hung up is known to have done so."""


class ImportServicer(import_service_pb2_grpc.ImportServiceServicer):
    """Imports rows."""

    def __init__(self, importing: Importing) -> None:
        self._importing = importing

    async def ImportSamples(
        self, request_iterator: AsyncIterator[pb.ImportSamplesRequest], context: Context
    ) -> AsyncGenerator[pb.ImportSamplesResponse, None]:
        with self._importing.place():
            async with aclosing(Messages(request_iterator)) as messages:
                defaults = _defaults(await messages.first())
                answers = self._importing.run(
                    _rows_of(messages), messages, pb.ImportSamplesResponse.SerializeToString, defaults
                )
                async with aclosing(answers):
                    async for piece in answers:
                        if piece:
                            # Messages of one type, one after another, are one message with the rows of all.
                            yield pb.ImportSamplesResponse.FromString(piece)
                        else:
                            await context.send_initial_metadata(())

    async def ImportFile(
        self, request_iterator: AsyncIterator[pb.ImportFileRequest], context: Context
    ) -> AsyncGenerator[HttpBody, None]:
        with self._importing.place():
            async with aclosing(Messages(request_iterator)) as messages:
                first = await messages.first()
                defaults = _defaults(first)
                reader = open_reader(first.file.content_type)
                answers = self._importing.run(_rows_in(reader, messages), messages, _to_lines, defaults)
                async with aclosing(answers):
                    async for piece in answers:
                        if piece:
                            yield HttpBody(content_type=_NDJSON, data=piece)
                        else:
                            # The edge waits so long for a whole request and no longer, unless the answer has begun.
                            await context.send_initial_metadata(())


def _defaults(first: pb.ImportSamplesRequest | pb.ImportFileRequest) -> tuple[str, str]:
    """Return study and organism of rows that have none. Raises InvalidRequest."""
    # Alone: what is wrong with a row is that row's affair.
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
        for at in range(0, len(data), _CUT_AT_ONCE):
            for item in reader.feed(data[at : at + _CUT_AT_ONCE]):
                yield item
            # Blank lines are no rows, and nobody else's turn would come between them.
            await asyncio.sleep(0)
    if reader.unfinished():
        # A caller who hung up looks like the end of the file at first, and a cell cut short like a whole one.
        await asyncio.sleep(_HANG_UP_SECONDS)
    for item in reader.end():
        yield item


def _to_lines(answer: pb.ImportSamplesResponse) -> bytes:
    found: list[dict[str, Any]] = [_to_object(row) for row in answer.rows]
    if answer.HasField("summary"):
        found.append({"summary": _summary(answer.summary)})
    return "".join(json.dumps(item, ensure_ascii=False) + "\n" for item in found).encode()


def _to_object(row: pb.ImportedRow) -> dict[str, Any]:
    return {"row": row.row, "error": _error(row.error)} if row.HasField("error") else {"row": row.row, "id": row.id}


def _summary(summary: pb.ImportSummary) -> dict[str, Any]:
    counts = {name: getattr(summary, name) for name in ("rows", "stored", "repeated", "refused")}
    return {**counts, "stopped": _error(summary.stopped)} if summary.HasField("stopped") else counts


def _error(error: pb.ImportError) -> dict[str, Any]:
    violations = [{"field": item.field, "description": item.description} for item in error.violations]
    found = {"reason": error.reason, "message": error.message, "violations": violations}
    return {**found, "metadata": dict(sorted(error.metadata.items()))} if error.metadata else found
