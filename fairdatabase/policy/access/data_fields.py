"""Data fields: the fields of a sample that describe the donor or the material, by their names in the API."""

from collections.abc import Callable, Iterable

from fairdb.samples.v1.sample_pb2 import Sample

_METADATA = "metadata."
_CLEAR: dict[str, Callable[[Sample], None]] = {
    "subject": lambda sample: sample.ClearField("subject"),
    "organism": lambda sample: sample.ClearField("organism"),
    "taxonId": lambda sample: sample.ClearField("taxon_id"),
    "collectionDate": lambda sample: sample.ClearField("collection_date"),
}


def data_fields(sample: Sample) -> list[str]:
    """Return the names of the data fields that have a value."""
    values = {
        "subject": sample.subject,
        "organism": sample.organism,
        "taxonId": sample.taxon_id,
        "collectionDate": sample.collection_date,
    }
    return [name for name, value in values.items() if value] + [_METADATA + name for name in sample.metadata]


def remove_fields(sample: Sample, names: Iterable[str]) -> None:
    """Remove data fields from a sample."""
    for name in names:
        if name.startswith(_METADATA):
            sample.metadata.pop(name.removeprefix(_METADATA), None)
        else:
            _CLEAR[name](sample)
