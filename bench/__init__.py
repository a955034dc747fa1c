"""bench: measures the cost of the platform. Nothing here runs in production or decides whether a test passes."""
