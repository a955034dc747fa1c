"""Creating and reading samples."""
