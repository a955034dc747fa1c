"""What happens to a sample after it is stored: index, notify, settle, quarantine."""
