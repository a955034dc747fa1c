"""Search for the generalisation that meets the limits at the least loss."""
