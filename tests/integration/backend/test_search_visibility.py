"""The SQL of search finds exactly what the policy's rule lets a reader see."""

import random
from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID, uuid4

from fairdatabase.policy.access.visibility import Reader, view_of
from fairdb.privacy.v1.field_class_pb2 import FieldClass, StudyGrant
from fairdb.privacy.v1.privacy_service_pb2 import Grants
from tests.integration.backend.conftest import Backend

# The indexed fields of each sample: one field of every class, and one without a class.
CLASSES = FieldClass.values()
ACCOUNTS = [str(UUID(int=number)) for number in range(1, 6)]
STUDIES = [str(UUID(int=number)) for number in range(101, 106)]
SAMPLES, READERS = 40, 120


class Facts(NamedTuple):
    """The properties of a sample that the rule uses."""

    owner: str
    study: str
    is_quarantined: bool


async def test_sql_agrees_with_the_rule_for_random_readers_and_samples(backend: Backend) -> None:
    dice = random.Random(20)
    samples = await store_samples(backend, dice)
    seen: dict[bool, int] = {False: 0, True: 0}
    for _ in range(READERS):
        account, grants = dice.choice(ACCOUNTS), random_grants(dice)
        reader = Reader.of(account, grants)
        views = {
            id: view_of(reader, owner=facts.owner, study=facts.study, is_quarantined=facts.is_quarantined)
            for id, facts in samples.items()
        }
        assert await find(backend, account, grants, "") == {id for id, view in views.items() if view.exists}
        for field_class in CLASSES:
            expected = {id for id, view in views.items() if field_class in view.classes}
            assert await find(backend, account, grants, f"metadata.class{field_class} = 1") == expected, grants
            seen[True] += len(expected)
            seen[False] += len(views) - len(expected)
    # Check that both outcomes are common, so that a rule that always returns the same outcome would fail.
    assert min(seen.values()) > 2000
    assert sum(seen.values()) == SAMPLES * READERS * len(CLASSES)


async def store_samples(backend: Backend, dice: random.Random) -> dict[str, Facts]:
    samples: dict[str, Facts] = {}
    metadata = {f"class{field_class}": (1, field_class) for field_class in CLASSES}
    for number in range(SAMPLES):
        facts = Facts(dice.choice(ACCOUNTS), dice.choice(STUDIES), number % 4 == 0)
        consent = str(uuid4())
        id = await backend.add(facts.owner, metadata, study=facts.study, consents=[consent])
        samples[id] = facts
        if facts.is_quarantined:
            assert await backend.quarantine(consent, facts.owner) == 1
    return samples


def random_grants(dice: random.Random) -> Grants:
    studies = [
        StudyGrant(study=study, classes=some_of(dice), oversees=dice.random() < 0.4)
        for study in dice.sample(STUDIES, dice.randint(0, 3))
    ]
    return Grants(
        everywhere=some_of(dice),
        own=some_of(dice),
        oversees=dice.random() < 0.3,
        studies=studies,
        for_permitted_use=some_of(dice),
    )


def some_of(dice: random.Random) -> Sequence[FieldClass.ValueType]:
    return dice.sample(CLASSES, dice.randint(0, 3))


async def find(backend: Backend, account: str, grants: Grants, text: str) -> set[str]:
    fields = {field.name: value for field, value in grants.ListFields()}
    return {*await backend.find(account, text, **{"everywhere": [], "own": [], **fields})}
