"""Grants: what an account may see of samples, by its roles and by its role in each study.

docs/permissions.md is the table of what follows from this, and a test holds the platform against it.
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

    Owners see all of their own samples, stewards all of every sample, and others the public fields. A researcher whose
    declared use the consents permit also sees sensitive fields, but no field that may identify the donor.
    """
    oversees = ROLE_STEWARD in principal.roles
    everywhere = _ALL if oversees else (FIELD_CLASS_PUBLIC,)
    for_use = (FIELD_CLASS_SENSITIVE,) if ROLE_RESEARCHER in principal.roles else ()
    return Grants(everywhere=everywhere, own=_ALL, oversees=oversees, studies=studies, for_permitted_use=for_use)


def study_grant(study: str, role: StudyRole.ValueType) -> StudyGrant:
    """Return what a role in a study permits on the samples of that study."""
    if role >= STUDY_ROLE_CURATOR:
        return StudyGrant(study=study, classes=_ALL, oversees=True)
    return StudyGrant(study=study, classes=_STUDY_READER)
