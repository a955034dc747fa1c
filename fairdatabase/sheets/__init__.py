"""The only reader of table files: CSV, TSV and NDJSON.

`records` cuts rows out of bytes as they arrive and reports each bad row by itself: imports use it.
`table` reads a whole file and stops at its first fault: everything else uses it.
"""
