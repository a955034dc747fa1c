"""The constellation on one machine: set-up, third-party servers, services, start and stop.

`setup.py` runs before any virtual environment exists and uses the standard library only. So do the modules it imports:
`binaries`, `environment`, `packages`, `sources` and `stages`.
"""
