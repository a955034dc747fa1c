"""The model of a table: columns, people, equivalence classes and hierarchies of values."""
