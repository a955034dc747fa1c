"""Subscriptions and notifications of researchers."""
