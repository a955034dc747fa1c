"""Tests `make demo` on minimal Debian systems, which it builds and removes again. Standard library only."""
