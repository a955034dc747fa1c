"""Access: which classes of fields an account may see, by its roles, its studies and the use that it declares."""
