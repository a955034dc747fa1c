"""What two or more services need to start, serve, call and publish. Imports no service."""
