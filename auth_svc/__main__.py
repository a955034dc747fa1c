"""Runs auth_svc."""

from auth_svc.app import Settings, open_app
from chassis.serving import server

server.run("auth_svc", Settings(), open_app)  # pyright: ignore[reportCallIssue]  # the environment supplies the rest
