"""Giving folders to users: whoever owns a folder cannot lead us to files elsewhere meanwhile."""

import os
from pathlib import Path
from typing import Any

import pytest

from deploy.local.privileges import Account
from deploy.local.users import chown

OURSELVES = Account(os.geteuid(), os.getegid())
NAMES = ("a", "b")


def changed(path: Path) -> int:
    """Return when the file's owner, mode or name last changed. Even if the owner stays the same, `chown` changes it."""
    return path.lstat().st_ctime_ns


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    for name in NAMES:
        (folder / name).touch()
    return folder


def test_everything_in_a_folder_is_given_and_nothing_that_a_symlink_names(tmp_path: Path, elsewhere: Path) -> None:
    inner = tmp_path / "given" / "inner"
    inner.mkdir(parents=True)
    (inner / "a").touch()
    (inner / "folder").symlink_to(elsewhere)
    (inner / "file").symlink_to(elsewhere / "a")
    given = (inner.parent, inner, inner / "a", inner / "file")
    before = {path: changed(path) for path in (*given, elsewhere, elsewhere / "a")}
    chown(OURSELVES, inner.parent, tmp_path / "absent")
    assert {path for path, then in before.items() if changed(path) != then} == set(given)


def test_folder_that_becomes_a_symlink_leads_nowhere(
    tmp_path: Path, elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inner = tmp_path / "given" / "inner"
    inner.mkdir(parents=True)
    for name in NAMES:
        (inner / name).touch()
    original, before = os.chown, [changed(elsewhere / name) for name in NAMES]

    def chown_and_replace(path: Any, *arguments: Any, **keywords: Any) -> None:
        original(path, *arguments, **keywords)
        if Path(path).name in NAMES and not inner.is_symlink():
            inner.rename(inner.with_name("moved"))
            inner.symlink_to(elsewhere)

    monkeypatch.setattr(os, "chown", chown_and_replace)
    chown(OURSELVES, inner.parent)
    assert inner.is_symlink()
    assert [changed(elsewhere / name) for name in NAMES] == before
