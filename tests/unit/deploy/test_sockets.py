"""Folders for Unix sockets: nobody else may enter them, or have made them."""

import os
import shutil
from pathlib import Path

import pytest

from deploy.local import sockets
from deploy.local.privileges import Account
from deploy.local.sockets import LONGEST, FolderUntrusted

UID, GID = os.geteuid(), os.getegid()


def test_deep_folder_has_its_sockets_in_a_short_one(tmp_path: Path) -> None:
    assert sockets.folder_below(Path("/srv/postgres")) == Path("/srv/postgres/socket")
    short = sockets.folder_below(tmp_path / ("a" * 100))
    assert len(str(short)) <= LONGEST
    assert short == sockets.folder_below(tmp_path / ("a" * 100))
    assert short != sockets.folder_below(tmp_path / ("b" * 100))


def test_folder_with_a_comma_has_its_sockets_in_another() -> None:
    assert "," not in str(sockets.folder_below(Path("/srv/a, b/postgres")))


def test_nothing_is_left_outside_the_root_of_a_platform_that_ended(tmp_path: Path) -> None:
    root = tmp_path / ("a" * 100)
    root.mkdir()
    folders = [sockets.folder_below(root / server) for server in ("postgres", "redis")]
    other = sockets.folder_below(tmp_path / ("b" * 100) / "redis")
    try:
        for folder in (*folders, other):
            sockets.create(folder, None)
            (folder / "some.sock").touch()
        sockets.remove_outside(root)
        assert [folder for folder in (*folders, other) if folder.exists()] == [other]
    finally:
        for folder in (*folders, other):
            shutil.rmtree(folder, ignore_errors=True)


def test_length_is_in_bytes() -> None:
    assert sockets.folder_below(Path("/" + "é" * 45)).parent != Path("/" + "é" * 45)


def test_folder_is_closed_to_others(tmp_path: Path) -> None:
    folder = tmp_path / "socket"
    folder.mkdir(mode=0o777)
    sockets.create(folder, None)
    assert folder.stat().st_mode & 0o777 == 0o700


def test_folder_is_open_to_the_group_of_the_users(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sockets, "GROUP", GID)
    sockets.create(tmp_path / "socket", Account(UID, GID))
    status = (tmp_path / "socket").stat()
    assert (status.st_mode & 0o777, status.st_gid) == (0o710, GID)


def test_symlink_is_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "socket").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(FolderUntrusted, match="remove it"):
        sockets.create(tmp_path / "socket", None)


def test_folder_of_another_user_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "socket"
    folder.mkdir()
    monkeypatch.setattr(os, "geteuid", lambda: UID + 1)
    with pytest.raises(FolderUntrusted, match="belongs to another user"):
        sockets.create(folder, Account(UID + 1, GID))
