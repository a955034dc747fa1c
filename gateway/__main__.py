"""Serves the gateway."""

from chassis.serving import server
from gateway.app import Settings, open_app

server.run("gateway", Settings(), open_app)  # pyright: ignore[reportCallIssue]  # the environment gives the rest
