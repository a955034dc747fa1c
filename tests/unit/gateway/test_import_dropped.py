"""Dropped fields of an import: the answer names each of them, and only memory holds the names."""

import json
from collections.abc import Iterable

import pytest

from fairdatabase.policy.records.drops import UNKNOWN
from fairdatabase.policy.tables.reader import load_policy
from fairdb.samples.v1 import import_service_pb2 as pb
from gateway.imports import dropped, servicer
from gateway.imports.dropped import Cause, DroppedFields

POLICY = load_policy()


def noted(fields: DroppedFields, *reasons: dict[str, str]) -> pb.ImportSamplesResponse:
    """Return the answer to rows with these drops, as it waits in the spool."""
    answer = pb.ImportSamplesResponse()
    for number, given in enumerate(reasons, start=1):
        fields.note(answer.rows.add(row=number, id=f"id {number}"), given)
    answer.summary.rows = len(reasons)
    return answer


def named(fields: DroppedFields, answer: pb.ImportSamplesResponse) -> pb.ImportSamplesResponse:
    merged = pb.ImportSamplesResponse()
    for message in fields.named(answer):
        merged.MergeFrom(message)
    return merged


def lines(answer: pb.ImportSamplesResponse) -> list[dict[str, object]]:
    return [json.loads(line) for line in servicer._to_lines(answer).splitlines()]


def counts(drops: Iterable[pb.DroppedColumn]) -> list[tuple[str, int, str]]:
    return [(drop.field, drop.rows, drop.reason) for drop in drops]


def test_answer_names_the_dropped_fields_of_each_row() -> None:
    fields = DroppedFields(POLICY)
    answer = named(fields, noted(fields, {"Größe": "unknown", "age": "bad"}, {}, {"age": "bad"}, {"age": "worse"}))
    assert [list(row.dropped_fields) for row in answer.rows] == [["Größe", "age"], [], ["age"], ["age"]]
    assert counts(answer.summary.dropped) == [("Größe", 1, "unknown"), ("age", 2, "bad"), ("age", 1, "worse")]


def test_waiting_answer_contains_no_name() -> None:
    fields = DroppedFields(POLICY)
    waiting = noted(fields, {"Jane Quartzfeather": "unknown"}, {"Jane Quartzfeather": "unknown"})
    assert b"Quartz" not in waiting.SerializeToString()
    assert list(named(fields, waiting).rows[1].dropped_fields) == ["Jane Quartzfeather"]


def test_column_of_a_question_is_not_dropped_by_name() -> None:
    dropped = DroppedFields(POLICY)
    dropped.add_columns(["has hamster", "characteristics_ch1.1", "quartz", "Quartzfeather (years)"])
    assert [column.field for column in dropped.columns] == ["quartz", "Quartzfeather (years)"]


def test_columns_that_are_dropped_by_name_are_named_once() -> None:
    fields = DroppedFields(POLICY)
    fields.add_columns(["shoe size", "age", "phone", "age_unit", "patient id"])
    answer = named(fields, noted(fields, *({"shoe size": "unknown", "phone": "direct", "age": "bad"} for _ in "123")))
    assert [(column.field, column.cause) for column in fields.columns] == [
        ("shoe size", Cause.CAUSE_UNKNOWN),
        ("phone", Cause.CAUSE_NEVER_STORED),
        ("age_unit", Cause.CAUSE_NEVER_STORED),
    ]
    assert [list(row.dropped_fields) for row in answer.rows] == [["age"]] * 3
    assert [(drop.field, drop.rows, drop.cause) for drop in answer.summary.dropped] == [
        ("age", 3, Cause.CAUSE_VALUE),
        ("phone", 3, Cause.CAUSE_NEVER_STORED),
        ("shoe size", 3, Cause.CAUSE_UNKNOWN),
    ]


@pytest.mark.parametrize("limit", ["_MOST_NAMES", "_MOST_CHARACTERS"])
def test_names_beyond_the_limit_are_counted(limit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dropped, limit, 3)
    fields = DroppedFields(POLICY)
    answer = named(fields, noted(fields, dict.fromkeys("abcde", "unknown"), {"e": "unknown", "a": "unknown"}))
    assert [(list(row.dropped_fields), row.more_dropped_fields) for row in answer.rows] == [
        (["a", "b", "c"], 2),
        (["a"], 1),
    ]
    assert (counts(answer.summary.dropped)[0], answer.summary.more_dropped) == (("a", 2, "unknown"), 3)


def test_entries_of_the_summary_are_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dropped, "_MOST_IN_SUMMARY", 2)
    fields = DroppedFields(POLICY)
    answer = named(fields, noted(fields, dict.fromkeys("abc", "unknown"), dict.fromkeys("abcd", "unknown")))
    assert list(answer.rows[1].dropped_fields) == ["a", "b", "c", "d"]
    assert (counts(answer.summary.dropped)[1:], answer.summary.more_dropped) == ([("b", 2, "unknown")], 3)


def test_large_answer_is_divided_and_keeps_its_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dropped, "_MESSAGE_BYTES", 200)
    fields = DroppedFields(POLICY)
    waiting = noted(fields, *({"x" * 90: "unknown"} for _ in range(20)))
    messages = list(fields.named(waiting))
    assert len(messages) > 5
    assert [row.row for message in messages for row in message.rows] == list(range(1, 21))
    assert [message.HasField("summary") for message in messages].count(True) == messages[-1].summary.dropped[
        0
    ].rows - 19


def test_file_answer_tells_what_was_dropped() -> None:
    fields = DroppedFields(POLICY)
    fields.add_columns(["shoe size"])
    answer = noted(fields, {"shoe size": "unknown", "age": "bad"}, {})
    answer.columns.extend(fields.columns)
    shoe_size = {"field": "shoe size", "cause": "CAUSE_UNKNOWN"}
    first, second, third, last = lines(named(fields, answer))
    assert first == {"columns": [{**shoe_size, "reason": UNKNOWN.reason}]}
    assert second == {"row": 1, "id": "id 1", "droppedFields": ["age"]}
    assert third == {"row": 2, "id": "id 2"}
    assert last["summary"] == {
        "rows": 2,
        "stored": 0,
        "repeated": 0,
        "refused": 0,
        "dropped": [
            {"field": "age", "cause": "CAUSE_VALUE", "reason": "bad", "rows": 1},
            {**shoe_size, "reason": "unknown", "rows": 1},
        ],
    }
