"""Names, dates and numbers of donors in unexpected places: attacks by a hostile reader of this code."""

import json
from typing import Any

import pytest
from google.protobuf.json_format import MessageToDict

from fairdatabase.policy.records.anonymisation import InvalidSample
from tests.unit.policy.samples import anonymised, raw_sample

ORGANISMS = [
    "QUARTZFEATHER",
    "DOE-JANE-1985",
    "JANEDOE",
    "MRN12345",
    "SMITH.JANE.7",
    "Maria rossi",
    "Anna kournikova",
    "Garcia",
    "Rossi",
    "Thomas metagenome",
    "jane doe virus",
]

# Each line has a field's value in a sample that declares no identifier, and the text that must be removed from it.
UNDECLARED = [
    ("primer", "MarySmith", "mary"),
    ("body_site", "王 小 明", "王"),
    ("body_site", "李-娜", "李"),
    ("body_site", "Eufemia Lauria", "eufemia"),
    ("body_site", "Lamine Gasparin", "lamine"),
    ("body_site", "blood 12.04.85", "12.04.85"),
    ("body_site", "stool 850412", "850412"),
    ("body_site", "stool HP:123456789", "123456789"),
    ("body_site_ontology_term_id", "HP:123456789", "123456789"),
    ("notes", "geb. 12.04.85", "12.04.85"),
    ("notes", "born 1985. 04. 12.", "1985. 04. 12"),
    ("notes", "born 1985年4月12日", "1985年"),
    ("notes", "born 12.IV.1985", "12.iv.1985"),
    ("notes", "born 1985:04:12", "1985:04:12"),
    ("notes", "mail jane.doe at gmail.com", "jane.doe"),
    ("notes", "see linkedin.com/in/janedoe", "janedoe"),
    ("notes", "call 22 33 44 55", "22 33 44 55"),
    ("notes", "call 9123 4567", "9123 4567"),
    ("notes", "AHV 756.1234.5678.97", "756.1234"),
    ("notes", "患者 王小明", "王小明"),
    ("notes", "محمد الأحمد", "محمد"),
    ("notes", "JANE DOE", "doe"),
    ("notes", "ANN LEE felt ill", "ann lee"),
    ("notes", "1Jane 2Doe", "jane"),
    ("notes", "MRN#12345", "12345"),
    ("notes", "tel.612345678", "612345678"),
    ("notes", "MRN:1234567", "1234567"),
    ("body_site", "x.janedoe.com", "janedoe"),
    ("notes", "ᴊᴀɴᴇ ᴅᴏᴇ came", "ᴅᴏᴇ"),
    ("notes", "ask jane&#64;x.org", "jane"),
    ("notes", "ask %4a%61%6e%65", "%4a"),
    ("notes", "李 明 home", "明"),
]

# Each line has a declared identifier, another value that repeats it, and the text to remove from that value.
DECLARED = [
    ({"name": "Jane Doe"}, "ms doe felt ill", "doe"),
    ({"first_name": "Li", "last_name": "Wu"}, "li wu felt ill", "wu"),
    ({"name": "Bo Lee"}, "lee, bo", "lee"),
    ({"name": "王小明"}, "患者王 小明, 小明", "小明"),
    ({"email": "jd@x.org"}, "jd at x.org", "jd"),
    ({"subject_id": "jane doe"}, "doe, jane", "doe"),
    ({"name": "张伟"}, "伟 came, 张 left", "伟"),
    ({"collection_date": "2019-06-12"}, "seen 12-6-19", "12-6-19"),
    ({"enrollment_date": "2019-06-12"}, "seen 12-6-19", "12-6-19"),
    ({"diagnosis_date": "June 12, 2019"}, "seen 12.6.19", "12.6.19"),
]


def left_of(metadata: dict[str, str], **fields: Any) -> str:
    """Return everything that is stored of a sample, in lower case."""
    sample = anonymised(raw_sample(metadata, **fields)).sample
    return json.dumps(MessageToDict(sample), ensure_ascii=False).lower()


@pytest.mark.parametrize("organism", ORGANISMS)
def test_name_of_a_person_is_not_an_organism(organism: str) -> None:
    with pytest.raises(InvalidSample):
        left_of({}, organism=organism)


@pytest.mark.parametrize(("field", "value", "secret"), UNDECLARED)
def test_undeclared_identifiers_are_removed(field: str, value: str, secret: str) -> None:
    assert secret not in left_of({field: value})


@pytest.mark.parametrize(("declared", "notes", "secret"), DECLARED)
def test_declared_identifiers_are_removed_from_text(declared: dict[str, str], notes: str, secret: str) -> None:
    assert secret not in left_of({**declared, "notes": notes})


@pytest.mark.parametrize("number", [19850412, 612345678])
def test_taxonomy_id_cannot_be_a_date_or_a_personal_number(number: int) -> None:
    assert str(number) not in left_of({}, taxon_id=number)
