"""Platform health and the registry's view."""
