"""peers: the programs that the constellation is compared with, each written as for production.

They need the dependency group `bench`. They use the same fields, bodies, statuses and headers as the platform's API.
"""
