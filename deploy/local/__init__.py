"""The constellation on one machine: set-up, third-party servers, services, start and stop.

`setup.py` runs before any virtual environment exists and uses the standard library only, as do `binaries.py` and
`packages.py`, which it imports.
"""
