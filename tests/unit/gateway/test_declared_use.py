"""Readings under a declared use."""

from collections.abc import Mapping

import pytest

from chassis.errors import ServiceUnavailable
from fairdatabase.policy.access.visibility import Reader
from fairdb.backend.v1.backend_service_pb2 import RecordReadingsRequest, RecordReadingsResponse, StoredSample
from fairdb.options.v1.access_pb2 import Principal
from fairdb.privacy.v1.field_class_pb2 import FIELD_CLASS_PUBLIC, FIELD_CLASS_QUASI_IDENTIFIER, FIELD_CLASS_SENSITIVE
from fairdb.privacy.v1.privacy_service_pb2 import Grants, MatchUseOfSamplesRequest, MatchUseOfSamplesResponse
from fairdb.samples.v1.data_use_pb2 import (
    USE_OUTCOME_ALLOWED,
    USE_OUTCOME_DENIED,
    USE_OUTCOME_NEEDS_PERSON,
    USE_PURPOSE_HEALTH_RESEARCH,
    DataUseMatch,
    IntendedUse,
    UseOutcome,
)
from fairdb.samples.v1.sample_pb2 import Sample
from gateway.samples.declared_use import Readings

READER = Principal(user_id="reader")
GRANTS = Grants(everywhere=[FIELD_CLASS_PUBLIC], own=[FIELD_CLASS_SENSITIVE], for_permitted_use=[FIELD_CLASS_SENSITIVE])


class Privacy:
    def __init__(self, outcomes: Mapping[str, UseOutcome.ValueType]) -> None:
        self.outcomes = outcomes

    async def MatchUseOfSamples(self, request: MatchUseOfSamplesRequest) -> MatchUseOfSamplesResponse:
        matches = {id: DataUseMatch(outcome=self.outcomes[id], term="DUO:0000042") for id in request.sample_ids}
        return MatchUseOfSamplesResponse(matches=matches)


class Backend:
    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.kept: list[RecordReadingsRequest] = []

    async def RecordReadings(self, request: RecordReadingsRequest) -> RecordReadingsResponse:
        if self.error:
            raise self.error
        self.kept.append(request)
        return RecordReadingsResponse()


def stored(id: str, field_class: int = FIELD_CLASS_SENSITIVE, **fields: object) -> StoredSample:
    known = {"id": id, "owner": "owner", "state": Sample.STATE_PROCESSED, **fields}
    return StoredSample(
        sample=Sample(**known),  # pyright: ignore[reportArgumentType]
        classes={"metadata.disease": field_class},  # pyright: ignore[reportArgumentType]
    )


async def ask(backend: Backend, *found: StoredSample, **outcomes: UseOutcome.ValueType) -> set[str]:
    readings = Readings(Privacy(outcomes), backend)  # pyright: ignore[reportArgumentType]
    use = IntendedUse(purposes=[USE_PURPOSE_HEALTH_RESEARCH], account="somebody else")
    return {*await readings.permitted(found, Reader.of(READER.user_id, GRANTS), READER, use)}  # pyright: ignore[reportGeneralTypeIssues]


async def test_only_what_every_term_allows_is_permitted_and_all_is_kept() -> None:
    backend = Backend()
    outcomes = {"a": USE_OUTCOME_ALLOWED, "b": USE_OUTCOME_DENIED, "c": USE_OUTCOME_NEEDS_PERSON}
    assert await ask(backend, *map(stored, outcomes), **outcomes) == {"a"}
    (kept,) = backend.kept
    assert {id: declared.outcome for id, declared in kept.readings.items()} == outcomes
    assert kept.principal == READER
    assert {declared.use.account for declared in kept.readings.values()} == {"reader"}


async def test_where_a_use_decides_nothing_nothing_is_kept() -> None:
    backend = Backend()
    whole, without = stored("mine", owner="reader"), stored("b", FIELD_CLASS_QUASI_IDENTIFIER)
    hidden = stored("c", state=Sample.STATE_QUARANTINED)
    assert await ask(backend, whole, without, hidden) == set()
    assert backend.kept == []


async def test_nothing_is_shown_that_cannot_be_kept() -> None:
    with pytest.raises(ServiceUnavailable):
        await ask(Backend(ServiceUnavailable()), stored("a"), a=USE_OUTCOME_ALLOWED)
