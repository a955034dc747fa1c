"""The service registry, backed by Consul."""
