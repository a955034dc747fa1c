"""The SQL of search finds exactly what the policy's rule lets a reader see."""

import random
from collections.abc import Mapping, Sequence
from typing import NamedTuple
from uuid import UUID, uuid4

from fairdatabase.policy.access.equivalence import ClassSize
from fairdatabase.policy.access.visibility import Reader, view_of
from fairdb.privacy.v1.field_class_pb2 import FieldClass, StudyGrant
from fairdb.privacy.v1.privacy_service_pb2 import Grants
from tests.integration.backend.conftest import PUBLIC, QUASI, STUDY, Backend, store_request

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


async def test_no_combination_of_filters_finds_a_small_class(backend: Backend) -> None:
    """Try every comparison, and every pair of comparisons, with every value that a reader may guess."""
    dice, owner, reader, k = random.Random(3), ACCOUNTS[0], ACCOUNTS[1], 3
    guesses = {"age": ["20-29", "30-39", "40-49"], "sex": ["Female", "Male"], "site": ["skin", "stool"]}
    samples: dict[str, tuple[str, ...]] = {}
    donors: dict[tuple[str, ...], set[int]] = {}
    for donor in range(16):
        chosen = {name: dice.choice(values) for name, values in guesses.items()}
        metadata = {name: (value, PUBLIC if name == "site" else QUASI) for name, value in chosen.items()}
        quasi = (chosen["age"], chosen["sex"])
        samples[await backend.add(owner, metadata, subject=f"p-{donor}")] = (*quasi, chosen["site"])
        donors.setdefault(quasi, set()).add(donor)
    large = {id for id, (age, sex, _) in samples.items() if len(donors[age, sex]) >= k}
    assert 3 < len(large) < len(samples) - 3
    grant = StudyGrant(study=STUDY, classes=[PUBLIC, QUASI], reader_k=k)
    comparisons = [
        (name, operator, value)
        for name, values in guesses.items()
        for value in values
        for operator in ("=", "!=", ">=")
    ]
    places = {"age": 0, "sex": 1, "site": 2}
    holds = {"=": str.__eq__, "!=": str.__ne__, ">=": str.__ge__}
    for pair in [(first, second) for first in comparisons for second in comparisons]:
        text = " AND ".join(f'metadata.{name} {operator} "{value}"' for name, operator, value in pair)
        expected = {
            id
            for id, values in samples.items()
            if all(holds[operator](values[places[name]], value) for name, operator, value in pair)
            and (id in large or all(name == "site" for name, _, _ in pair))
        }
        assert {*await backend.find(reader, text, studies=[grant])} == expected, text


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
