"""Consents: grant, find, withdraw."""
