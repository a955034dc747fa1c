"""Visibility: decides which fields of a sample a reader may see. Every service uses this module.

A field that a sample's classes do not name is public. A field of FIELD_CLASS_UNSPECIFIED is visible to nobody. The
grants of a study's reader apply only to samples whose equivalence class has enough donors.

The search of backend_svc repeats the rule in SQL, because it must filter rows before reading them. A test compares the
two.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from fairdatabase.policy.access.equivalence import DEFAULT_READER_K, NO_LIMIT, SUBJECT, ClassSize
from fairdb.privacy.v1.field_class_pb2 import (
    FIELD_CLASS_PUBLIC,
    FIELD_CLASS_QUASI_IDENTIFIER,
    FIELD_CLASS_RESTRICTED,
    FIELD_CLASS_SENSITIVE,
    FIELD_CLASS_UNSPECIFIED,
    StudyGrant,
)

_NONE: frozenset[int] = frozenset()
_PUBLIC: frozenset[int] = frozenset((FIELD_CLASS_PUBLIC,))
_NO_DONORS = ClassSize()
_NAMES = {
    FIELD_CLASS_QUASI_IDENTIFIER: "quasi-identifying",
    FIELD_CLASS_SENSITIVE: "sensitive",
    FIELD_CLASS_RESTRICTED: "restricted",
}


class GrantsMessage(Protocol):
    """A message that contains a reader's grants: `Grants`, or a backend_svc request with the same fields."""

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
    """A reader's access to the samples of one study."""

    classes: Mapping[int, int]
    """The classes that the reader sees, each with the number of donors that the equivalence class must have."""
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
    """Whether the reader sees the trail of every sample, and sees quarantined samples at all."""
    studies: Mapping[str, StudyAccess]
    """Additional access to the samples of each study, by study id."""
    for_permitted_use: frozenset[int]
    """Classes that the reader sees if a sample's terms permit the declared use. Search filters ignore these classes."""

    @classmethod
    def of(cls, account: str, grants: GrantsMessage) -> "Reader":
        """Return the reader that a message of grants describes."""
        studies: dict[str, StudyAccess] = {}
        for grant in grants.studies:
            access = studies.get(grant.study, StudyAccess({}, False))
            k = NO_LIMIT if grant.oversees else grant.reader_k or DEFAULT_READER_K
            classes = {found: min(k, access.classes.get(found, k)) for found in _classes(grant.classes)}
            studies[grant.study] = StudyAccess({**access.classes, **classes}, access.oversees or grant.oversees)
        return cls(
            account=account,
            everywhere=_classes(grants.everywhere) | _PUBLIC,
            own=_classes(grants.own) | _PUBLIC,
            oversees=grants.oversees,
            studies=studies,
            for_permitted_use=_classes(grants.for_permitted_use),
        )


class View(NamedTuple):
    """The part of one sample that a reader may see."""

    exists: bool
    """If false, the reader gets the same answer as for a sample that does not exist."""
    oversees: bool
    """Whether the reader sees the sample's trail: events, audit log and privacy status."""
    classes: frozenset[int]
    """Visible field classes. Empty for a quarantined sample: all of its data is withheld, even public fields."""
    subject_classes: frozenset[int]
    """The same for the donor's pseudonym, which is withheld where it would link equivalence classes."""
    opened_by_use: frozenset[int]
    """Additional classes that are visible if the sample's terms permit the reader's declared use."""

    def of_trail(self) -> "View":
        """Return the view of the same sample without its data: nothing at all, unless the reader sees the trail."""
        return View(self.oversees, self.oversees, classes=_NONE, subject_classes=_NONE, opened_by_use=_NONE)

    def withheld(self, data: Iterable[str], classes: Mapping[str, int], *, use_permitted: bool = False) -> list[str]:
        """Return which of a sample's data fields the reader may not see."""
        opened = self.opened_by_use if use_permitted else _NONE
        shown, subject_shown = self.classes | opened, self.subject_classes | opened
        return [
            name
            for name in data
            if classes.get(name, FIELD_CLASS_PUBLIC) not in (subject_shown if name == SUBJECT else shown)
        ]

    def names_of(self, withheld: Iterable[str], *, use_permitted: bool = False) -> list[str]:
        """Return the names by which a reader is told what is withheld: those of the fields, if they oversee the sample.

        Others are told the classes that they do not see, even if the sample has no such field: that a sample has a
        field may say what its value says (a field for pregnancy, a body site that is withheld).
        """
        if self.oversees:
            return sorted(withheld)
        shown = self.classes | (self.opened_by_use if use_permitted else _NONE)
        return [name for found, name in _NAMES.items() if found not in shown]


def view_of(
    reader: Reader,
    *,
    owner: str,
    study: str,
    size: ClassSize = _NO_DONORS,
    is_quarantined: bool = False,
    is_embargoed: bool = False,
) -> View:
    """Return the reader's view of a sample with this owner, study and state. `size`: of its equivalence class."""
    access = reader.studies.get(study)
    oversees = reader.oversees or reader.account == owner or (access is not None and access.oversees)
    classes = reader.everywhere
    if reader.account == owner:
        classes |= reader.own
    subject_classes = classes
    if access is not None:
        granted = access.classes.items()
        subject_classes = classes.union(found for found, k in granted if size.admits(k, SUBJECT))
        classes = classes.union(found for found, k in granted if size.admits(k))
    view = View(True, oversees, classes, subject_classes, reader.for_permitted_use - classes)
    return view.of_trail() if is_quarantined or (is_embargoed and not oversees) else view


def _classes(numbers: Iterable[int]) -> frozenset[int]:
    return frozenset(numbers) - {FIELD_CLASS_UNSPECIFIED}
