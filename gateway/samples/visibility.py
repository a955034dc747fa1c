"""Visibility: removes the fields of a stored sample that its reader may not see. The policy decides which."""

from fairdatabase.policy.access.data_fields import data_fields, remove_fields
from fairdatabase.policy.access.equivalence import ClassSize
from fairdatabase.policy.access.times import cut_times
from fairdatabase.policy.access.visibility import Reader, View, view_of
from fairdb.backend.v1.backend_service_pb2 import StoredSample
from fairdb.samples.v1.sample_pb2 import Sample
from gateway.samples.errors import SampleNotFound


def render(stored: StoredSample, reader: Reader, *, use_permitted: bool = False) -> Sample:
    """Return the sample without the fields that the reader may not see, and name what is withheld.

    Raises SampleNotFound. The times are exact only for readers who oversee the sample.
    `use_permitted`: whether the sample's terms permit the use that the reader declared.
    """
    view = _view(stored, reader)
    if not view.exists:
        raise SampleNotFound
    sample = Sample()
    sample.CopyFrom(stored.sample)
    withheld = view.withheld(data_fields(sample), stored.classes, use_permitted=use_permitted)
    remove_fields(sample, withheld)
    sample.withheld_fields[:] = view.names_of(withheld, use_permitted=use_permitted)
    if not view.oversees:
        cut_times(sample)
    return sample


def depends_on_use(stored: StoredSample, reader: Reader) -> bool:
    """Return whether the reader would see more of the sample if its terms permitted their declared use."""
    return not _view(stored, reader).opened_by_use.isdisjoint(stored.classes.values())


def oversees(stored: StoredSample, reader: Reader) -> bool:
    """Return whether the reader may see the sample's trail and the terms of its consents."""
    return _view(stored, reader).oversees


def check_overseen(stored: StoredSample, reader: Reader) -> None:
    """Raise SampleNotFound unless the reader may see the sample's events, audit entries and privacy record."""
    if not oversees(stored, reader):
        raise SampleNotFound


def _view(stored: StoredSample, reader: Reader) -> View:
    sample = stored.sample
    return view_of(
        reader,
        owner=sample.owner,
        study=sample.study,
        size=ClassSize(stored.class_donors, stored.class_is_linked),
        is_quarantined=sample.state == Sample.STATE_QUARANTINED,
        is_embargoed=stored.is_embargoed,
    )
