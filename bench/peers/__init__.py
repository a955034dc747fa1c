"""peers: the programs that the constellation is compared with, each written as for production.

They need the dependency group `bench`. Names of fields, bodies, statuses and headers are those of the platform's API.
"""
