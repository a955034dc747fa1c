"""Runs the gateway."""

from chassis.serving import server
from gateway.app import open_app
from gateway.settings import Settings

server.run("gateway", Settings(), open_app)  # pyright: ignore[reportCallIssue]  # the environment supplies the rest
