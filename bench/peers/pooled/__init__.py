"""pooled: the sketch's four services in FastAPI, calling one another over HTTP with pooled httpx clients."""
