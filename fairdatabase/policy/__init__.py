"""The privacy policy: which data identifies a person, how a record is anonymised, and who may see each field.

It does no I/O, except for reading its own tables.
"""
