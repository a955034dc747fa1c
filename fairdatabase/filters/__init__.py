"""The filter language: parses and writes filters. Gateway and backend_svc use it."""
