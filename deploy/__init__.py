"""Deployment of the platform: the list of services, one machine (`local`), and a test on fresh systems (`fresh`)."""
