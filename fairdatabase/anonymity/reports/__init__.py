"""Reports on a table and on its anonymisation, with advice."""
