"""Lists samples that match a filter, those of the newest day first, by the values that the reader may see.

The statement is assembled from the constants below, with one condition per comparison; user input is passed only as
parameters. A condition on a field of the sample looks only at values that the reader may see on that sample, so a
withheld value neither matches nor fails to match. `createTime` is the time that the reader sees.
"""

import json
import string
from collections.abc import Sequence
from uuid import UUID

from backend_svc.embargo import EMBARGOED
from backend_svc.samples import rows
from backend_svc.samples.counting import ADMITS
from backend_svc.samples.lookup import BARRED, COLUMNS
from chassis.errors import InvalidRequest
from chassis.storage import paging
from chassis.storage.database import Database
from fairdatabase.filters import language
from fairdatabase.filters.language import Comparison
from fairdatabase.filters.scanner import FilterError
from fairdatabase.policy.access.data_fields import data_fields, remove_fields
from fairdatabase.policy.access.equivalence import NO_LIMIT, ClassSize
from fairdatabase.policy.access.times import cut_times
from fairdatabase.policy.access.visibility import Reader, view_of
from fairdatabase.violations import Violation
from fairdb.backend.v1.backend_service_pb2 import (
    ListStoredSamplesRequest,
    ListStoredSamplesResponse,
    StoredSample,
)
from fairdb.samples.v1.sample_pb2 import Sample

_PAGE_BYTES = 3_000_000
"""A page ends early at this size, because a gRPC message is limited to 4 MB."""

# Applies the rules of fairdatabase.policy.access.visibility in SQL, to filter before reading; a test compares the two.
# Parameters: $1 the reader; $2 and $3 the field classes that the reader sees on all samples and on their own samples;
# $4 whether the reader oversees all samples; $5 the last id of the previous page; $6 the limit; $7, $8 and $9 a study,
# a field class that the reader sees in it, and how many donors the equivalence class must have for that; $10 the
# studies that the reader oversees.
OVERSEEN = "(sample.owner = $1 OR $4 OR sample.study = ANY ($10::uuid[]))"
SELECT = f"""
SELECT {COLUMNS} FROM sample
WHERE ($5::uuid IS NULL OR sample.id < $5)
  AND (sample.state <> {Sample.STATE_QUARANTINED} OR {OVERSEEN})
  AND (sample.state = {Sample.STATE_QUARANTINED} OR NOT {BARRED})
  AND ({OVERSEEN} OR NOT {EMBARGOED})
  AND $2::smallint[] IS NOT NULL AND $3::smallint[] IS NOT NULL
  AND $7::uuid[] IS NOT NULL AND $8::smallint[] IS NOT NULL AND $9::int[] IS NOT NULL
"""
ORDER = "ORDER BY sample.id DESC LIMIT $6"
_GRANTED = "unnest($7::uuid[], $8::smallint[], $9::int[]) AS granted (study, class, k)"
FIELD_CONDITION = f"""
  AND EXISTS (
      SELECT FROM sample_field AS found
      WHERE found.sample_id = sample.id AND found.field = ${{field}} AND found.{{column}} {{operator}} ${{value}}
        AND (
            found.class = ANY ($2) OR (sample.owner = $1 AND found.class = ANY ($3))
            OR (sample.study, found.class) IN (SELECT study, class FROM {_GRANTED} WHERE k <= {NO_LIMIT})
            {{limited}}
        )
  )
"""
# Only for readers with such grants: PostgreSQL counts the cost of these lookups for each row, although it makes few.
LIMITED = f"""
            OR (sample.study, found.class) IN (SELECT study, class FROM {_GRANTED} WHERE k > {NO_LIMIT})
                AND EXISTS (
                    SELECT FROM {_GRANTED}
                    WHERE granted.study = sample.study AND granted.class = found.class AND {ADMITS}
                )
"""
SAMPLE_CONDITION = "  AND sample.{column} {operator} ${value}\n"
SAMPLE_COLUMNS = {"owner": "owner", "study": "study", "state": "state"}
# A reader who does not oversee a sample sees only the day. The second line narrows the scan to a range of the index.
TIME_CONDITION = f"""
  AND CASE WHEN {OVERSEEN} THEN sample.created_at ELSE date_trunc('day', sample.created_at, 'UTC') END
      {{operator}} ${{value}}::timestamptz
  AND sample.created_at {{bound}}
"""
# The time that a reader sees is at most a day earlier than the exact one.
TIME_BOUNDS = {
    "=": "BETWEEN ${value}::timestamptz AND ${value}::timestamptz + interval '1 day'",
    "!=": "IS NOT NULL",
    "<": "< ${value}::timestamptz + interval '1 day'",
    "<=": "< ${value}::timestamptz + interval '1 day'",
    ">": "> ${value}::timestamptz",
    ">=": ">= ${value}::timestamptz",
}
# The index contains lowercase text (see index.py).
_LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)
OPERATORS = {"=": "=", "!=": "<>", "<": "<", "<=": "<=", ">": ">", ">=": ">="}


async def list_samples(database: Database, request: ListStoredSamplesRequest) -> ListStoredSamplesResponse:
    """Return a page. Raises InvalidRequest, PageTokenInvalid."""
    reader = Reader.of(request.principal.user_id, request)
    is_limited = any(k > NO_LIMIT for access in reader.studies.values() for k in access.classes.values())
    statement, values = build(_parse(request.filter), is_limited=is_limited)
    everywhere, own = sorted(reader.everywhere), sorted(reader.own)
    granted = [(UUID(study), *item) for study, access in reader.studies.items() for item in access.classes.items()]
    # Without the reader's studies, so that joining a study does not invalidate the page token. The next page then
    # includes that study's data.
    query = json.dumps(["samples", request.principal.user_id, request.filter, everywhere, own, request.oversees])
    found = await database.fetch(
        statement,
        UUID(request.principal.user_id),
        everywhere,
        own,
        request.oversees,
        paging.read_token(request.page_token, query),
        request.page_size + 1,
        [study for study, _, _ in granted],
        [field_class for _, field_class, _ in granted],
        [k for _, _, k in granted],
        [UUID(study) for study, access in reader.studies.items() if access.oversees],
        *values,
    )
    answer = ListStoredSamplesResponse()
    size = 0
    for row in found[: request.page_size]:
        stored = rows.to_stored(row)
        # Remove before measuring: otherwise the number of samples on a page would reveal how much is withheld.
        _remove_withheld(stored, reader)
        size += stored.ByteSize()
        if answer.samples and size > _PAGE_BYTES:
            break
        answer.samples.append(stored)
    if len(answer.samples) < len(found):
        answer.next_page_token = paging.write_token(UUID(answer.samples[-1].sample.id), query)
    return answer


def _remove_withheld(stored: StoredSample, reader: Reader) -> None:
    """Remove the fields that the reader may not see under any use, and times of the day.

    The gateway decides whether the declared use is permitted, and removes more values if it is not.
    """
    sample = stored.sample
    is_quarantined = sample.state == Sample.STATE_QUARANTINED
    size = ClassSize(stored.class_donors, stored.class_is_linked)
    view = view_of(reader, owner=sample.owner, study=sample.study, size=size, is_quarantined=is_quarantined)
    if not view.oversees:
        withheld = view.withheld(data_fields(sample), stored.classes, use_permitted=True)
        remove_fields(sample, withheld)
        for name in withheld:
            del stored.classes[name]
        cut_times(sample)


def build(comparisons: Sequence[Comparison], *, is_limited: bool) -> tuple[str, list[object]]:
    """Return the statement of a filter, and its parameters from $11 on.

    `is_limited`: whether the reader has grants that require more than one donor.
    """
    statement, values = SELECT, []

    def parameter(value: object) -> int:
        values.append(value)
        return 10 + len(values)

    for comparison in comparisons:
        operator = OPERATORS[comparison.operator]
        if comparison.field in SAMPLE_COLUMNS:
            column = SAMPLE_COLUMNS[comparison.field]
            statement += SAMPLE_CONDITION.format(column=column, operator=operator, value=parameter(comparison.value))
        elif comparison.field == "createTime":
            value = parameter(comparison.value)
            bound = TIME_BOUNDS[comparison.operator].format(value=value)
            statement += TIME_CONDITION.format(operator=operator, value=value, bound=bound)
        else:
            column, value = _indexed(comparison.value)
            statement += FIELD_CONDITION.format(
                field=parameter(comparison.field),
                column=column,
                operator=operator,
                value=parameter(value),
                limited=LIMITED if is_limited else "",
            )
    return statement + ORDER, values


def _indexed(value: language.Value) -> tuple[str, str | float]:
    """Return the column of the index that a value is compared with, and the value as the column stores it."""
    if isinstance(value, bool):
        return "text_value", str(value).lower()
    if isinstance(value, str):
        return "text_value", value.translate(_LOWER)
    if isinstance(value, int | float):
        return "number_value", float(value)
    raise TypeError(f"the index has no column for {type(value).__name__}")


def _parse(text: str) -> tuple[Comparison, ...]:
    try:
        return language.parse(text)
    except FilterError as error:
        raise InvalidRequest(violations=[Violation("filter", str(error))]) from None
