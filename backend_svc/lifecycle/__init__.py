"""The life of a sample after its store: index, notify, settle, quarantine."""
