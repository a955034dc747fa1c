"""Equivalence classes, and what a study's readers see of a sample in a small or linked class."""

from uuid import UUID

import pytest

from fairdatabase.policy.access.equivalence import DEFAULT_READER_K, ClassSize, class_id, quasi_identifiers
from fairdatabase.policy.access.grants import grants_of, study_grant
from fairdatabase.policy.access.visibility import Reader, View, view_of
from fairdb.options.v1.access_pb2 import ROLE_ADMIN, ROLE_RESEARCHER, ROLE_STEWARD, Principal, Role
from fairdb.privacy.v1.field_class_pb2 import (
    FIELD_CLASS_PUBLIC,
    FIELD_CLASS_QUASI_IDENTIFIER,
    FIELD_CLASS_RESTRICTED,
    FIELD_CLASS_SENSITIVE,
    StudyGrant,
)
from fairdb.privacy.v1.study_service_pb2 import STUDY_ROLE_CURATOR, STUDY_ROLE_OWNER, STUDY_ROLE_READER

STUDY, OTHER = UUID(int=1), UUID(int=2)
CLASSES = {
    "subject": FIELD_CLASS_QUASI_IDENTIFIER,
    "collectionDate": FIELD_CLASS_QUASI_IDENTIFIER,
    "metadata.age": FIELD_CLASS_QUASI_IDENTIFIER,
    "metadata.disease": FIELD_CLASS_SENSITIVE,
    "metadata.notes": FIELD_CLASS_RESTRICTED,
}
QUASI = ["collectionDate", "metadata.age"]


@pytest.mark.parametrize(
    "values",
    [
        {"metadata.sex": "Male", "metadata.age": "30-39"},
        {"metadata.age": "30-39"},
        {"metadata.age": "30-39", "metadata.sex": None},
        {"metadata.age": "30-39", "metadata.sex": ""},
        {"metadata.age": "30-39", "metadata.sex": "male"},
        {"metadata.age": "30-39Male"},
        {"metadata.sex": "30-39", "metadata.age": "Male"},
        {"metadata.age": "30-39", "metadata.gender": "Male"},
        {"metadata.age": "30-39", "metadata.sex": True},
        {"metadata.age": "30-39", "metadata.sex": 1},
        {"metadata.age": "30-39", "metadata.sex": "1"},
        {},
    ],
)
def test_classes_differ_in_any_value_and_name(values: dict[str, str | float | bool | None]) -> None:
    known = class_id(STUDY, {"metadata.age": "30-39", "metadata.sex": "Male"})
    same = values == {"metadata.age": "30-39", "metadata.sex": "Male"}
    assert (class_id(STUDY, values) == known) == same
    assert class_id(OTHER, values) != class_id(STUDY, values)


def test_number_has_one_class_in_every_notation() -> None:
    assert class_id(STUDY, {"metadata.latitude": 52}) == class_id(STUDY, {"metadata.latitude": 52.0})
    assert class_id(STUDY, {"metadata.latitude": 10**20}) == class_id(STUDY, {"metadata.latitude": 1e20})
    assert class_id(STUDY, {"metadata.latitude": 52}) != class_id(STUDY, {"metadata.latitude": 52.5})


def test_pseudonym_does_not_belong_to_the_class() -> None:
    assert sorted(quasi_identifiers(CLASSES)) == QUASI


def view_as(role: int, size: ClassSize, k: int = 4) -> View:
    grants = grants_of(Principal(roles=[ROLE_RESEARCHER]), [study_grant(str(STUDY), role, k)])  # pyright: ignore[reportArgumentType]
    return view_of(Reader.of("reader", grants), owner="owner", study=str(STUDY), size=size)


@pytest.mark.parametrize(
    ("size", "k", "withheld"),
    [
        (ClassSize(4), 4, []),
        (ClassSize(3), 4, [*QUASI, "subject"]),
        (ClassSize(0), 4, [*QUASI, "subject"]),
        (ClassSize(), 2, [*QUASI, "subject"]),
        (ClassSize(9, is_linked=True), 4, ["subject"]),
        (ClassSize(3, is_linked=True), 4, [*QUASI, "subject"]),
        (ClassSize(1), 1, []),
        (ClassSize(0), 1, []),
        (ClassSize(1, is_linked=True), 1, []),
        (ClassSize(1000), 1000, []),
    ],
)
def test_reader_sees_quasi_identifiers_of_large_classes(size: ClassSize, k: int, withheld: list[str]) -> None:
    view = view_as(STUDY_ROLE_READER, size, k)
    assert view.withheld(CLASSES, CLASSES) == [*withheld[-1:], *withheld[:-1], "metadata.disease", "metadata.notes"]
    # A permitted use opens sensitive fields, whatever the class.
    assert "metadata.disease" not in view.withheld(CLASSES, CLASSES, use_permitted=True)
    assert set(withheld) <= {*view.withheld(CLASSES, CLASSES, use_permitted=True)}


@pytest.mark.parametrize("role", [STUDY_ROLE_CURATOR, STUDY_ROLE_OWNER])
@pytest.mark.parametrize("size", [ClassSize(), ClassSize(1, is_linked=True)])
def test_curators_see_every_class(role: int, size: ClassSize) -> None:
    assert view_as(role, size, 1000).withheld(CLASSES, CLASSES) == []


@pytest.mark.parametrize("size", [ClassSize(), ClassSize(1000)])
@pytest.mark.parametrize(("role", "sees"), [(ROLE_STEWARD, True), (ROLE_RESEARCHER, False), (ROLE_ADMIN, False)])
def test_class_does_not_matter_without_a_role_in_the_study(size: ClassSize, role: Role.ValueType, sees: bool) -> None:
    reader = Reader.of("reader", grants_of(Principal(roles=[role]), [study_grant(str(OTHER), STUDY_ROLE_READER, 1)]))
    view = view_of(reader, owner="owner", study=str(STUDY), size=size)
    assert (view.withheld(QUASI, CLASSES) == []) == sees


def test_grant_without_k_has_the_default() -> None:
    grant = StudyGrant(study=str(STUDY), classes=[FIELD_CLASS_PUBLIC, FIELD_CLASS_QUASI_IDENTIFIER])
    reader = Reader.of("reader", grants_of(Principal(roles=[ROLE_RESEARCHER]), [grant]))
    for donors in (DEFAULT_READER_K - 1, DEFAULT_READER_K):
        view = view_of(reader, owner="owner", study=str(STUDY), size=ClassSize(donors))
        assert (view.withheld(QUASI, CLASSES) == []) == (donors == DEFAULT_READER_K)


def test_the_most_generous_of_several_grants_applies() -> None:
    grants = [study_grant(str(STUDY), STUDY_ROLE_READER, k) for k in (7, 3, 5)]
    reader = Reader.of("reader", grants_of(Principal(roles=[ROLE_RESEARCHER]), grants))
    view = view_of(reader, owner="owner", study=str(STUDY), size=ClassSize(3))
    assert view.withheld(QUASI, CLASSES) == []
