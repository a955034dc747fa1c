"""Visibility in the peers: applies the platform's own rule to the peers' plain values."""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from uuid import UUID

from bench.peers.bodies import SampleAnswer, Scalar, Stored
from bench.peers.tokens import Caller
from fairdatabase.policy.access.equivalence import NO_LIMIT
from fairdatabase.policy.access.grants import grants_of, study_grant
from fairdatabase.policy.access.visibility import Reader, View, view_of
from fairdb.options.v1.access_pb2 import Principal, Role
from fairdb.privacy.v1.study_service_pb2 import STUDY_ROLE_READER

_METADATA = "metadata."
_EMPTY: dict[str, tuple[str, Scalar]] = {
    "subject": ("subject", ""),
    "organism": ("organism", ""),
    "taxonId": ("taxon_id", 0),
    "collectionDate": ("collection_date", ""),
}
# A peer decides about one sample at a time, so a constant can serve as the id of its study.
_STUDY = "study of the sample"
_READERS_CACHED = 10_000


class SampleNotFound(Exception):
    """The sample does not exist, or the caller may not see it."""


def view(owner: UUID, role: int, caller: Caller) -> View:
    """Return the fields that the caller may see, given their role in the sample's study; 0 means no role."""
    return view_of(_reader(caller, role), owner=str(owner), study=_STUDY)


@lru_cache(_READERS_CACHED)
def _reader(caller: Caller, role: int) -> Reader:
    principal = Principal(roles=[Role.Value(name) for name in caller.roles if name])
    studies = [study_grant(_STUDY, role, NO_LIMIT)] if role >= STUDY_ROLE_READER else []
    return Reader.of(str(caller.account), grants_of(principal, studies))


OWNERS_VIEW = view(UUID(int=0), 0, Caller(UUID(int=0), frozenset()))
"""The view of the account that sent a sample."""


def view_from(classes: Iterable[int], *, oversees: bool) -> View:
    """Return a view that came from another service."""
    visible = frozenset(classes)
    return View(True, oversees, classes=visible, subject_classes=visible, opened_by_use=frozenset())


def render(sample: Stored, classes: Mapping[str, int], view: View) -> SampleAnswer:
    """Return the sample without the fields that are not visible, and list their names. Raises SampleNotFound."""
    if sample.state == "STATE_QUARANTINED":
        view = view.of_trail()
    if not view.exists:
        raise SampleNotFound
    values = dict(sample.__dict__)
    data = [name for name, (field, _) in _EMPTY.items() if values[field]]
    withheld = view.withheld([*data, *(_METADATA + name for name in sample.metadata)], classes)
    if withheld:
        metadata = dict(sample.metadata)
        for name in withheld:
            if name.startswith(_METADATA):
                metadata.pop(name.removeprefix(_METADATA), None)
            else:
                field, empty = _EMPTY[name]
                values[field] = empty
        values["metadata"] = metadata
    return SampleAnswer.model_construct(**values, withheld_fields=view.names_of(withheld), dropped_fields=[])
