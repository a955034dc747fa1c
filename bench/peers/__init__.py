"""peers: what the constellation is measured against, each written as a good engineer would write it.

They need the dependency group `bench`. Names of fields, bodies, statuses and headers are those of the platform's API.
"""
