"""peers: the programs that the platform is compared with, each written as it would be for production.

They need the dependency group `bench`. They use the same fields, bodies, statuses and headers as the platform's API.
"""
