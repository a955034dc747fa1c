"""The public API for samples: creates them by sagas, filters what callers read, and reports health."""
