"""Permissions: what an account may see of samples, by its roles and its part in their studies. Pure.

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

ALL = (FIELD_CLASS_PUBLIC, FIELD_CLASS_QUASI_IDENTIFIER, FIELD_CLASS_SENSITIVE, FIELD_CLASS_RESTRICTED)
OF_A_READER = (FIELD_CLASS_PUBLIC, FIELD_CLASS_QUASI_IDENTIFIER)


def grants_of(principal: Principal, studies: Iterable[StudyGrant]) -> Grants:
    """Return what an account may see: its own samples whole; of others what is public, or all for a steward.

    Consent that permits a researcher's use shows them what is sensitive, never what may identify.
    """
    oversees = ROLE_STEWARD in principal.roles
    everywhere = ALL if oversees else (FIELD_CLASS_PUBLIC,)
    for_use = (FIELD_CLASS_SENSITIVE,) if ROLE_RESEARCHER in principal.roles else ()
    return Grants(everywhere=everywhere, own=ALL, oversees=oversees, studies=studies, for_permitted_use=for_use)


def study_grant(study: str, role: StudyRole.ValueType) -> StudyGrant:
    """Return what a role in a study lets see of its samples."""
    if role >= STUDY_ROLE_CURATOR:
        return StudyGrant(study=study, classes=ALL, oversees=True)
    return StudyGrant(study=study, classes=OF_A_READER)
