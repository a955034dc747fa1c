"""Table files: reading, writing, and the role of each column."""
