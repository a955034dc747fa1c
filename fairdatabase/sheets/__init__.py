"""The only reader of table files: CSV, TSV and NDJSON.

Imports use `records`, which reads rows while their bytes arrive and reports each bad row separately.
Everything else uses `table`, which reads a whole file and stops at its first fault.
"""
