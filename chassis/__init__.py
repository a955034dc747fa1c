"""What two services or more need: the way up, the way in, the way out. Knows no service."""
