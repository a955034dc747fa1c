"""Grant requests: validates what a caller wants to record as a consent."""

import re
from datetime import UTC, datetime, timedelta

from chassis.errors import InvalidRequest
from fairdatabase.policy.text.characters import normalise_subject
from fairdatabase.violations import Violation
from fairdb.privacy.v1.consent_service_pb2 import GrantConsentRequest
from privacy_svc.consent.store import Wording
from privacy_svc.data_use.validation import canonicalise_ids, find_term_violations

_LONGEST = timedelta(days=36525)
_MONTH = r"20\d\d-(?:0[1-9]|1[0-2])"
_TEXT_VERSION = re.compile(rf"v?\d{{1,3}}(?:\.\d{{1,3}}){{0,2}}|{_MONTH}(?:-(?:0[1-9]|[12]\d|3[01]))?", re.ASCII)

NAMELESS_SUBJECT = Violation("subject", "must name the donor, or be left out for the account's own consent")


def to_wording(request: GrantConsentRequest, now: datetime) -> Wording:
    """Return the wording to record. Raises InvalidRequest with all violations, including those of the subject."""
    canonicalise_ids(request.data_use)
    violations = find_term_violations(request.data_use, "dataUse", now.date())
    if request.subject and not normalise_subject(request.subject):
        violations.append(NAMELESS_SUBJECT)
    if request.text_version and not _TEXT_VERSION.fullmatch(request.text_version):
        # No other form is accepted, so that the version cannot contain a name.
        violations.append(
            Violation("textVersion", 'must be a number or a date: "3", "v2.1", "2026-03" or "2026-03-01"')
        )
    expires_at = _to_expiry(request, now)
    if expires_at is None and request.HasField("expire_time"):
        violations.append(Violation("expireTime", "must be a time in the future, within the next 100 years"))
    if violations:
        raise InvalidRequest(violations=violations)
    return Wording(request.data_use, request.text_version, expires_at)


def _to_expiry(request: GrantConsentRequest, now: datetime) -> datetime | None:
    """Return when the consent expires, or None if the time is unset or out of range."""
    try:
        expiry = request.expire_time.ToDatetime(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None
    return expiry if now < expiry < now + _LONGEST else None
