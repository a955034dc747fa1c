"""The platform on one machine: setup, third-party servers, services, start and stop.

`setup.py` runs before a virtual environment exists, so it and the modules it imports use only the standard library:
`binaries`, `environment`, `packages`, `sources` and `stages`.
"""
