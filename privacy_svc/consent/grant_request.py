"""Grant requests: validates what a caller wants to record as a consent."""

from datetime import UTC, datetime, timedelta

from chassis.errors import InvalidRequest
from fairdatabase.policy.text.characters import normalise_subject
from fairdatabase.violations import Violation
from fairdb.privacy.v1.consent_service_pb2 import GrantConsentRequest
from privacy_svc.consent.store import Wording
from privacy_svc.data_use.validation import find_term_violations

_LONGEST = timedelta(days=36525)

NAMELESS_SUBJECT = Violation("subject", "must name the donor, or be left out for the account's own consent")


def to_wording(request: GrantConsentRequest, now: datetime) -> Wording:
    """Return the wording to record. Raises InvalidRequest with all violations, including those of the subject."""
    violations = find_term_violations(request.data_use, "dataUse", now.date())
    if request.subject and not normalise_subject(request.subject):
        violations.append(NAMELESS_SUBJECT)
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
