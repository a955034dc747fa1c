"""Validity: the purposes of consents, and the SQL conditions under which a consent is valid."""

SAMPLE_CREATION = "sample_creation"
DATA_SHARING = "data_sharing"

NOT_ENDED = "consent.withdrawn_at IS NULL AND (consent.expires_at IS NULL OR consent.expires_at > now())"
"""The consent is neither withdrawn nor expired. It may be replaced: it still applies to samples created under it."""
IN_FORCE = f"{NOT_ENDED} AND consent.replaced_by IS NULL"
"""New samples may be created under the consent."""
