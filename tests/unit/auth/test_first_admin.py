"""The command that creates the first administrator: which settings it needs, and its prompt."""

import subprocess
import sys
from collections.abc import Callable
from typing import NoReturn

import pytest

from auth_svc import first_admin
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


def test_end_of_file_at_the_prompt_is_one_clear_line(monkeypatch: pytest.MonkeyPatch) -> None:
    async def make_admin(database_url: str, email: str, ask_password: Callable[[], str]) -> str:
        return ask_password()

    def end_of_file() -> NoReturn:
        raise EOFError

    monkeypatch.setattr(first_admin, "make_admin", make_admin)
    monkeypatch.setattr("getpass.getpass", end_of_file)
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("sys.argv", ["first_admin", "ada@example.org"])
    monkeypatch.setenv("FAIRDB_DATABASE_URL", "postgresql://ada@127.0.0.1:1/fairdb")
    # Python prints the code, if it is a text, and exits with 1.
    with pytest.raises(SystemExit) as ended:
        first_admin.main()
    assert ended.value.code == "\nNo password was given: no account was created."
