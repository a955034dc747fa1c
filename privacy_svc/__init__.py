"""privacy_svc: decides what may be kept of a sample and who may see it."""
