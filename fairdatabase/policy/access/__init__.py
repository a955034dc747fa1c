"""Access: decides which field classes an account may see, from its roles, its studies and its declared use."""
