"""The command that creates the first administrator: which settings it needs."""

import subprocess
import sys

from deploy.local.layout import CHECKOUT


def run(environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = (sys.executable, "-m", "auth_svc.first_admin", "ada@example.org")
    variables = {"PYTHONPATH": ":".join(sys.path), **environment}
    return subprocess.run(
        command,
        cwd=CHECKOUT,
        env=variables,
        check=False,
        input="a password\n",
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_database_url_is_the_only_setting() -> None:
    ran = run({"FAIRDB_DATABASE_URL": "postgresql://ada:secret@127.0.0.1:1/fairdb"})
    assert ran.returncode == 1
    assert ran.stderr == "Could not connect to the database (ConnectionRefusedError). Is the platform running?\n"


def test_missing_database_url_is_named() -> None:
    ran = run({})
    assert ran.returncode == 1
    assert ran.stderr.startswith("Set FAIRDB_DATABASE_URL ")
    assert "Traceback" not in ran.stderr
