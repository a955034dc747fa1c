"""Data use conditions: the DUO terms, their validation, and whether they permit an intended use."""
