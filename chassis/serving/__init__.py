"""Serving: process start and stop, the interceptor, settings."""
