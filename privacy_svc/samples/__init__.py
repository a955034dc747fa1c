"""Preparation of samples, and the grants of their readers."""
