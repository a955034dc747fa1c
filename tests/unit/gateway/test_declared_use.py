"""Reads under a declared use."""

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
from gateway.samples.declared_use import DeclaredUses

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
        self.recorded: list[RecordReadingsRequest] = []

    async def RecordReadings(self, request: RecordReadingsRequest) -> RecordReadingsResponse:
        if self.error:
            raise self.error
        self.recorded.append(request)
        return RecordReadingsResponse()


def stored(id: str, field_class: int = FIELD_CLASS_SENSITIVE, **fields: object) -> StoredSample:
    known = {"id": id, "owner": "owner", "state": Sample.STATE_PROCESSED, **fields}
    return StoredSample(
        sample=Sample(**known),  # pyright: ignore[reportArgumentType]
        classes={"metadata.disease": field_class},  # pyright: ignore[reportArgumentType]
    )


async def ask(backend: Backend, *found: StoredSample, **outcomes: UseOutcome.ValueType) -> set[str]:
    uses = DeclaredUses(Privacy(outcomes), backend)  # pyright: ignore[reportArgumentType]
    use = IntendedUse(purposes=[USE_PURPOSE_HEALTH_RESEARCH], account="somebody else")
    return {*await uses.permitted(found, Reader.of(READER.user_id, GRANTS), READER, use)}  # pyright: ignore[reportGeneralTypeIssues]


async def test_only_allowed_uses_are_permitted_and_all_are_recorded() -> None:
    backend = Backend()
    outcomes = {"a": USE_OUTCOME_ALLOWED, "b": USE_OUTCOME_DENIED, "c": USE_OUTCOME_NEEDS_PERSON}
    assert await ask(backend, *map(stored, outcomes), **outcomes) == {"a"}
    (recorded,) = backend.recorded
    assert {id: declared.outcome for id, declared in recorded.readings.items()} == outcomes
    assert recorded.principal == READER
    assert {declared.use.account for declared in recorded.readings.values()} == {"reader"}


async def test_use_that_changes_nothing_is_not_recorded() -> None:
    backend = Backend()
    own, without = stored("mine", owner="reader"), stored("b", FIELD_CLASS_QUASI_IDENTIFIER)
    hidden = stored("c", state=Sample.STATE_QUARANTINED)
    assert await ask(backend, own, without, hidden) == set()
    assert backend.recorded == []


async def test_read_fails_if_the_use_cannot_be_recorded() -> None:
    with pytest.raises(ServiceUnavailable):
        await ask(Backend(ServiceUnavailable()), stored("a"), a=USE_OUTCOME_ALLOWED)
