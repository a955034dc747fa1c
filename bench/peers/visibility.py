"""Who sees what of a sample, at the peers: the platform's rules over plain values."""

from collections.abc import Collection, Mapping
from uuid import UUID

from bench.peers.bodies import SampleAnswer, Scalar, Stored
from bench.peers.tokens import Caller
from fairdatabase.policy import permissions
from fairdb.privacy.v1.field_class_pb2 import FIELD_CLASS_PUBLIC, FIELD_CLASS_SENSITIVE
from fairdb.privacy.v1.study_service_pb2 import STUDY_ROLE_CURATOR, STUDY_ROLE_READER

PUBLIC = frozenset((FIELD_CLASS_PUBLIC,))
OF_A_READER = frozenset(permissions.OF_A_READER)
ALL = frozenset(permissions.ALL)
_METADATA = "metadata."
_DATA: dict[str, tuple[str, Scalar]] = {
    "study": ("study", None),
    "subject": ("subject", ""),
    "organism": ("organism", ""),
    "taxonId": ("taxon_id", 0),
    "collectionDate": ("collection_date", ""),
}


class SampleNotFound(Exception):
    """The sample does not exist, or the caller may not see it."""


def visible_classes(owner: UUID, role: int, caller: Caller) -> frozenset[int]:
    """Return the field classes that the caller may see, given their role in the sample's study."""
    if owner == caller.account or role >= STUDY_ROLE_CURATOR or "ROLE_STEWARD" in caller.roles:
        return ALL
    return OF_A_READER if role == STUDY_ROLE_READER else PUBLIC


def render(sample: Stored, classes: Mapping[str, int], visible: Collection[int]) -> SampleAnswer:
    """Return the sample without withheld fields, and name those. Raises SampleNotFound."""
    values = dict(sample.__dict__)
    if sample.state == "STATE_QUARANTINED":
        if FIELD_CLASS_SENSITIVE not in visible:
            raise SampleNotFound
        withheld = [*_DATA, *(_METADATA + name for name in sample.metadata)]
    else:
        withheld = [name for name, field_class in classes.items() if field_class not in visible]
    if withheld:
        metadata = dict(sample.metadata)
        for name in withheld:
            if name.startswith(_METADATA):
                metadata.pop(name.removeprefix(_METADATA), None)
            else:
                field, empty = _DATA[name]
                values[field] = empty
        values["metadata"] = metadata
    return SampleAnswer.model_construct(**values, withheld_fields=sorted(withheld), dropped_fields=[])
