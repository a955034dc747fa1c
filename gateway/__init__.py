"""The public API for samples. Creates them by sagas (steps that can be undone) and filters what callers read."""
