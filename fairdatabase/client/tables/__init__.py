"""Tables on the command line: columns, roles and proposals."""
