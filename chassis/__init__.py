"""Code that two or more services share: starting, serving, calling, publishing. Imports no service."""

ERROR_DOMAIN = "fairdatabase.org"
"""The domain of every `ErrorInfo`, here and at the edge."""
