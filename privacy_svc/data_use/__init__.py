"""Data use conditions and whether they permit an intended use."""
