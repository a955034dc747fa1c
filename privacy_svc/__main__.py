"""Serves privacy_svc."""

from chassis.serving import server
from privacy_svc.app import Settings, open_app

server.run("privacy_svc", Settings(), open_app)  # pyright: ignore[reportCallIssue]  # values come from the environment
