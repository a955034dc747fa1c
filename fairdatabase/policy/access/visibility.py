"""Visibility: what one reader sees of one sample. Every service decides by this module.

A field that a sample's classes do not name is public. A field of FIELD_CLASS_UNSPECIFIED is visible to nobody.

The SQL of backend_svc's search repeats the rule, because it filters before it reads; a test compares the two.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from fairdb.privacy.v1.field_class_pb2 import FIELD_CLASS_PUBLIC, FIELD_CLASS_UNSPECIFIED, StudyGrant

_NONE: frozenset[int] = frozenset()
_PUBLIC: frozenset[int] = frozenset((FIELD_CLASS_PUBLIC,))


class GrantsMessage(Protocol):
    """A message with a reader's grants: `Grants`, or a request of backend_svc that carries them."""

    @property
    def everywhere(self) -> Iterable[int]: ...
    @property
    def own(self) -> Iterable[int]: ...
    @property
    def oversees(self) -> bool: ...
    @property
    def studies(self) -> Iterable[StudyGrant]: ...
    @property
    def for_permitted_use(self) -> Iterable[int]: ...


class StudyAccess(NamedTuple):
    """What a reader may see of the samples of one study."""

    classes: frozenset[int]
    oversees: bool


@dataclass(frozen=True, slots=True)
class Reader:
    """An account and its grants. Every reader sees public fields."""

    account: str
    everywhere: frozenset[int]
    """Classes that the reader sees on every sample."""
    own: frozenset[int]
    """Classes that the reader sees on samples that the account owns."""
    oversees: bool
    """Whether the reader sees the trail and the quarantine of every sample."""
    studies: Mapping[str, StudyAccess]
    """Further access to the samples of a study, by the study's id."""
    for_permitted_use: frozenset[int]
    """Classes that the reader sees where a sample's terms permit the declared use. Filters never look at them."""

    @classmethod
    def of(cls, account: str, grants: GrantsMessage) -> "Reader":
        """Return the reader that a message of grants describes."""
        studies: dict[str, StudyAccess] = {}
        for grant in grants.studies:
            classes, oversees = studies.get(grant.study, (_NONE, False))
            studies[grant.study] = StudyAccess(classes | _classes(grant.classes), oversees or grant.oversees)
        return cls(
            account=account,
            everywhere=_classes(grants.everywhere) | _PUBLIC,
            own=_classes(grants.own) | _PUBLIC,
            oversees=grants.oversees,
            studies=studies,
            for_permitted_use=_classes(grants.for_permitted_use),
        )


class View(NamedTuple):
    """What a reader sees of one sample."""

    exists: bool
    """False: the reader gets the same answer as for a sample that does not exist."""
    oversees: bool
    """Whether the reader sees the sample's trail: events, audit log and privacy status."""
    classes: frozenset[int]
    """Classes of visible fields. None for a quarantined sample: all of its data is withheld, also what is public."""
    opened_by_use: frozenset[int]
    """Further classes that are visible if the sample's terms permit the use that the reader declares."""

    def in_quarantine(self) -> "View":
        """Return what the reader sees of the sample while it is quarantined."""
        return View(exists=self.oversees, oversees=self.oversees, classes=_NONE, opened_by_use=_NONE)

    def withheld(self, data: Iterable[str], classes: Mapping[str, int], *, use_permitted: bool = False) -> list[str]:
        """Return which of a sample's data fields the reader may not see."""
        shown = self.classes | self.opened_by_use if use_permitted else self.classes
        return [name for name in data if classes.get(name, FIELD_CLASS_PUBLIC) not in shown]


def view_of(reader: Reader, *, owner: str, study: str, is_quarantined: bool = False) -> View:
    """Return what a reader sees of a sample with this owner, study and state."""
    access = reader.studies.get(study)
    oversees = reader.oversees or reader.account == owner or (access is not None and access.oversees)
    classes = reader.everywhere
    if reader.account == owner:
        classes |= reader.own
    if access is not None:
        classes |= access.classes
    view = View(True, oversees, classes, reader.for_permitted_use - classes)
    return view.in_quarantine() if is_quarantined else view


def _classes(numbers: Iterable[int]) -> frozenset[int]:
    return frozenset(numbers) - {FIELD_CLASS_UNSPECIFIED}
