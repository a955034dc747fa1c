"""The user and the capabilities with which PostgreSQL runs when we are root."""

import os
import pwd
from pathlib import Path

import pytest

from deploy.local import privileges
from deploy.local.privileges import Account, Unreachable, available_capability, closed_folder, prefix, unprivileged

NOBODY = (65534, (65534,))
SETPCAP, OVERRIDE, READ_SEARCH = 1 << 8, 1 << 1, 1 << 2


def test_ordinary_user_runs_postgres_as_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert unprivileged(tmp_path / "data", tmp_path / "postgres") is None


def test_first_closed_folder_is_named(tmp_path: Path) -> None:
    # pytest's own folders may be closed to other users; only system folders are certainly open.
    assert closed_folder([Path("/usr/bin/env")], *NOBODY) is None
    outer = tmp_path / "outer"
    (outer / "inner").mkdir(parents=True)
    outer.chmod(0o700)
    found = closed_folder([Path("/usr/bin/env"), outer / "inner" / "data"], *NOBODY)
    assert found is not None
    assert found in (outer, *outer.parents)
    assert privileges.passable(outer, outer.stat().st_uid, ())
    assert not privileges.passable(outer, *NOBODY)
    outer.chmod(0o710)
    assert privileges.passable(outer, NOBODY[0], (outer.stat().st_gid,))


@pytest.mark.parametrize(
    ("held", "expected"),
    [
        (SETPCAP | OVERRIDE | READ_SEARCH, "dac_read_search"),
        (SETPCAP | OVERRIDE, "dac_override"),
        (SETPCAP, None),
        (OVERRIDE | READ_SEARCH, None),
        (0, None),
    ],
)
def test_least_powerful_held_capability_is_chosen(held: int, expected: str | None) -> None:
    assert available_capability(held) == expected


def test_error_without_a_capability_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(privileges, "held_capabilities", lambda: 0)
    tmp_path.chmod(0o700)
    with pytest.raises(Unreachable, match="move the checkout to a folder that other users can enter"):
        unprivileged(tmp_path / "data", tmp_path / "postgres")
    assert unprivileged(Path("/usr/absent"), Path("/usr/bin/env")) is not None


def test_postgres_runs_as_the_owner_of_its_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(privileges, "find_user", lambda name: pwd.getpwnam("nobody"))
    daemon = pwd.getpwnam("daemon")
    monkeypatch.setattr(privileges, "owner_of", lambda data: daemon)
    account = unprivileged(tmp_path / "data", Path("/usr/bin/env"))
    assert account is not None
    assert account.uid == daemon.pw_uid
    monkeypatch.undo()
    assert privileges.owner_of(tmp_path / "absent") is None
    # PostgreSQL cannot run as root, even if root owns the data.
    assert privileges.owner_of(Path("/")) is None
    assert privileges.owner_of(tmp_path) == (pwd.getpwuid(os.geteuid()) if os.geteuid() != 0 else None)


def test_capability_sets_the_securebit_that_access_needs() -> None:
    words = prefix(None, Account(65534, 65534, "dac_override"))
    assert words[words.index("--securebits") + 1] == "+no_setuid_fixup"
    assert "--securebits" not in prefix(None, Account(65534, 65534))
