"""The tables that decide what happens to each field, and their readers."""
