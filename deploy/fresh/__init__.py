"""Tries `make demo` on fresh machines: minimal systems, made here and removed again. Standard library only."""
