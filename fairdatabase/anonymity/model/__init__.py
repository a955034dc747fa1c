"""What a table is: columns, people, equivalence classes and hierarchies of values."""
