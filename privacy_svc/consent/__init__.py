"""Consents: grant, find, check, withdraw."""
