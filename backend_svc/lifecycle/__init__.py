"""What happens to a sample after its store: index, notify, settle, quarantine."""
