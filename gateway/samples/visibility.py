"""What of a stored sample a reader receives: the sample joined with the reader's grants."""

from collections.abc import Callable

from fairdb.backend.v1.backend_service_pb2 import StoredSample
from fairdb.options.v1.access_pb2 import Principal
from fairdb.privacy.v1.privacy_service_pb2 import Grants
from fairdb.samples.v1.sample_pb2 import Sample
from gateway.samples.errors import SampleNotFound

_METADATA = "metadata."
_CLEAR: dict[str, Callable[[Sample], None]] = {
    "study": lambda sample: sample.ClearField("study"),
    "subject": lambda sample: sample.ClearField("subject"),
    "organism": lambda sample: sample.ClearField("organism"),
    "taxonId": lambda sample: sample.ClearField("taxon_id"),
    "collectionDate": lambda sample: sample.ClearField("collection_date"),
}


def render(stored: StoredSample, grants: Grants, reader: Principal, *, use_permitted: bool = False) -> Sample:
    """Return the sample less what the reader may not see, naming that. Raises SampleNotFound.

    `use_permitted`: whether the sample's terms permit the use that the reader declared.
    """
    sample = Sample()
    sample.CopyFrom(stored.sample)
    if sample.state == Sample.STATE_QUARANTINED:
        check_overseen(stored, grants, reader)
        withheld = _data_fields(sample)
    else:
        visible = _visible_classes(sample, grants, reader)
        if use_permitted:
            visible.update(grants.for_permitted_use)
        withheld = [name for name, field_class in stored.classes.items() if field_class not in visible]
    for name in withheld:
        if name.startswith(_METADATA):
            sample.metadata.pop(name.removeprefix(_METADATA), None)
        else:
            _CLEAR[name](sample)
    sample.withheld_fields[:] = sorted(withheld)
    return sample


def depends_on_use(stored: StoredSample, grants: Grants, reader: Principal) -> bool:
    """Tell whether the reader would see more of the sample if its terms permitted the use that they declare."""
    if stored.sample.state == Sample.STATE_QUARANTINED:
        return False
    more = {*grants.for_permitted_use} - _visible_classes(stored.sample, grants, reader)
    return not more.isdisjoint(stored.classes.values())


def check_overseen(stored: StoredSample, grants: Grants, reader: Principal) -> None:
    """Raise SampleNotFound unless the reader owns the sample or oversees it: others may not know of its trail."""
    sample = stored.sample
    of_study = any(grant.oversees for grant in grants.studies if grant.study == sample.study)
    if sample.owner != reader.user_id and not grants.oversees and not of_study:
        raise SampleNotFound


def _visible_classes(sample: Sample, grants: Grants, reader: Principal) -> set[int]:
    visible: set[int] = {*grants.everywhere}
    if sample.owner == reader.user_id:
        visible.update(grants.own)
    for grant in grants.studies:
        if grant.study == sample.study:
            visible.update(grant.classes)
    return visible


def _data_fields(sample: Sample) -> list[str]:
    """Return the names of the fields that say something of the donor or the material, as far as they are set."""
    present = {
        "subject": sample.subject,
        "organism": sample.organism,
        "taxonId": sample.taxon_id,
        "collectionDate": sample.collection_date,
    }
    return [name for name, value in present.items() if value] + [_METADATA + name for name in sample.metadata]
