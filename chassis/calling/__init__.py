"""Calls to other services: channels, coalesced batches, circuit breakers."""
