"""Health of the platform, and its running instances."""
