"""privacy_svc: decides which data of a sample may be stored, and who may see it."""
