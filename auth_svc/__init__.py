"""Accounts, sessions, public keys and revocation."""
