"""pooled: four services in FastAPI that call one another over HTTP with pooled httpx clients."""
