"""Callers: tokens and their keys, revocation, and the access that each RPC declares."""
