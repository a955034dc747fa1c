"""Runs backend_svc."""

from backend_svc.app import Settings, open_app
from chassis.serving import server

server.run("backend_svc", Settings(), open_app)  # pyright: ignore[reportCallIssue]  # values come from the environment
