"""Measures what the platform and `fairdb anonymize` make of real tables. `bench.real_tables` prints the figures."""
