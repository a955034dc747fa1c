"""What people read: advice on a table, and the report of its anonymisation."""
