"""Studies and their members."""
