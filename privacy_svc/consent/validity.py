"""Validity: the purposes of consents, and the SQL conditions under which a consent counts."""

SAMPLE_CREATION = "sample_creation"
DATA_SHARING = "data_sharing"

NOT_ENDED = "consent.withdrawn_at IS NULL AND (consent.expires_at IS NULL OR consent.expires_at > now())"
"""The consent is neither withdrawn nor expired. Even if replaced, it counts for the samples that rest on it."""
IN_FORCE = f"{NOT_ENDED} AND consent.replaced_by IS NULL"
"""New samples may rest on the consent."""
