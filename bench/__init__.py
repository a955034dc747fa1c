"""bench: what the platform costs, measured; nothing here runs in production or decides whether a test passes."""
