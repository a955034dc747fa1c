"""Grants: the field classes that an account may see, from its platform roles and its role in each study.

docs/permissions.md lists the resulting permissions; a test checks the platform against that table.
"""

from collections.abc import Iterable

from fairdb.options.v1.access_pb2 import ROLE_RESEARCHER, ROLE_STEWARD, Principal
from fairdb.privacy.v1.field_class_pb2 import (
    FIELD_CLASS_PUBLIC,
    FIELD_CLASS_QUASI_IDENTIFIER,
    FIELD_CLASS_RESTRICTED,
    FIELD_CLASS_SENSITIVE,
    StudyGrant,
)
from fairdb.privacy.v1.privacy_service_pb2 import Grants
from fairdb.privacy.v1.study_service_pb2 import STUDY_ROLE_CURATOR, StudyRole

_ALL = (FIELD_CLASS_PUBLIC, FIELD_CLASS_QUASI_IDENTIFIER, FIELD_CLASS_SENSITIVE, FIELD_CLASS_RESTRICTED)
_STUDY_READER = (FIELD_CLASS_PUBLIC, FIELD_CLASS_QUASI_IDENTIFIER)


def grants_of(principal: Principal, studies: Iterable[StudyGrant]) -> Grants:
    """Return an account's grants.

    Owners see every field of their own samples, stewards every field of all samples, and other accounts only public
    fields. Researchers also see the sensitive fields of samples whose consents permit the declared use, but no field
    that may identify the donor.
    """
    oversees = ROLE_STEWARD in principal.roles
    everywhere = _ALL if oversees else (FIELD_CLASS_PUBLIC,)
    for_use = (FIELD_CLASS_SENSITIVE,) if ROLE_RESEARCHER in principal.roles else ()
    return Grants(everywhere=everywhere, own=_ALL, oversees=oversees, studies=studies, for_permitted_use=for_use)


def study_grant(study: str, role: StudyRole.ValueType, reader_k: int) -> StudyGrant:
    """Return the access that a role in a study gives to the samples of that study.

    Readers see quasi-identifiers only of samples whose equivalence class has `reader_k` donors.
    """
    if role >= STUDY_ROLE_CURATOR:
        return StudyGrant(study=study, classes=_ALL, oversees=True)
    return StudyGrant(study=study, classes=_STUDY_READER, reader_k=reader_k)
