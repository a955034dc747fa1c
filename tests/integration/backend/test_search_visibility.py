"""The SQL of search finds exactly what the policy's rule lets a reader see."""

import random
from collections.abc import Mapping, Sequence
from typing import NamedTuple
from uuid import UUID, uuid4

from fairdatabase.policy.access.equivalence import ClassSize
from fairdatabase.policy.access.visibility import Reader, view_of
from fairdb.privacy.v1.field_class_pb2 import FieldClass, StudyGrant
from fairdb.privacy.v1.privacy_service_pb2 import Grants
from tests.integration.backend.conftest import QUASI, Backend, store_request

# The indexed fields of each sample: one field of every class, and one without a class.
CLASSES = FieldClass.values()
ACCOUNTS = [str(UUID(int=number)) for number in range(1, 6)]
STUDIES = [str(UUID(int=number)) for number in range(101, 106)]
SAMPLES, READERS = 80, 120


class Facts(NamedTuple):
    """The properties of a sample that the rule uses."""

    owner: str
    study: str
    subject: str
    group: int
    """Decides the equivalence class."""
    is_quarantined: bool


async def test_sql_agrees_with_the_rule_for_random_readers_and_samples(backend: Backend) -> None:
    dice = random.Random(20)
    samples = await store_samples(backend, dice)
    seen: dict[bool, int] = {False: 0, True: 0}
    subjects_seen = subjects_withheld = 0
    for _ in range(READERS):
        account, grants = dice.choice(ACCOUNTS), random_grants(dice)
        reader = Reader.of(account, grants)
        views = {
            id: view_of(
                reader,
                owner=facts.owner,
                study=facts.study,
                size=size_of(facts, samples),
                is_quarantined=facts.is_quarantined,
            )
            for id, facts in samples.items()
        }
        assert await find(backend, account, grants, "") == {id for id, view in views.items() if view.exists}
        for field_class in CLASSES:
            expected = {id for id, view in views.items() if field_class in view.classes}
            assert await find(backend, account, grants, f"metadata.class{field_class} = 1") == expected, grants
            seen[True] += len(expected)
            seen[False] += len(views) - len(expected)
        expected = {id for id, view in views.items() if QUASI in view.subject_classes and samples[id].subject}
        assert await find(backend, account, grants, 'subject != ""') == expected, grants
        subjects_seen += len(expected)
        by_class = {id for id, view in views.items() if QUASI in view.classes and samples[id].subject}
        subjects_withheld += len(by_class - expected)
    # Check that both outcomes are common, so that a rule that always returns the same outcome would fail.
    assert min(seen.values()) > 2000
    assert sum(seen.values()) == SAMPLES * READERS * len(CLASSES)
    assert subjects_seen > 200
    assert subjects_withheld > 20


def size_of(facts: Facts, samples: Mapping[str, Facts]) -> ClassSize:
    """Count the donors of a sample's equivalence class, and of the others, from the samples themselves."""
    if facts.is_quarantined:
        return ClassSize()
    groups: dict[str, set[int]] = {}
    for other in samples.values():
        if other.study == facts.study and other.subject and not other.is_quarantined:
            groups.setdefault(other.subject, set()).add(other.group)
    of_class = [found for found in groups.values() if facts.group in found]
    return ClassSize(len(of_class), any(len(found) > 1 for found in of_class))


async def store_samples(backend: Backend, dice: random.Random) -> dict[str, Facts]:
    samples: dict[str, Facts] = {}
    fields = {f"class{field_class}": (1, field_class) for field_class in CLASSES}
    for number in range(SAMPLES):
        facts = Facts(
            dice.choice(ACCOUNTS),
            dice.choice(STUDIES),
            dice.choice(["", *"abcdefgh"]),
            dice.choice((1, 1, 1, 2)),
            number % 4 == 0,
        )
        consent = str(uuid4())
        metadata = {**fields, "group": (facts.group, QUASI)}
        request = store_request(facts.owner, metadata, study=facts.study, subject=facts.subject, consents=[consent])
        if facts.subject:
            request.stored.classes["subject"] = QUASI
        id = (await backend.store(request)).stored.sample.id
        await backend.index(id)
        samples[id] = facts
        if facts.is_quarantined:
            assert await backend.quarantine(consent, facts.owner) == 1
    return samples


def random_grants(dice: random.Random) -> Grants:
    studies = [
        StudyGrant(study=study, classes=some_of(dice), oversees=dice.random() < 0.3, reader_k=dice.randint(0, 4))
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
