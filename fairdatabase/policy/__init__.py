"""What identifies a person and who may see it: tables, recognizers and the anonymisation of a record. Pure."""
