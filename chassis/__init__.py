"""What two or more services need to start, serve, call and publish. Imports no service."""

ERROR_DOMAIN = "fairdatabase.org"
"""The domain of every `ErrorInfo`, here and at the edge."""
