"""Atomic writes: afterwards the file has the complete new content and its mode, or is unchanged."""

from pathlib import Path

import pytest

from chassis.files import write_atomically


def test_file_is_replaced_with_its_mode_and_leaves_no_other(tmp_path: Path) -> None:
    target = tmp_path / "new folder" / "keys.json"
    write_atomically(target, "old", mode=0o644)
    write_atomically(target, b"new", mode=0o600)
    assert target.read_text() == "new"
    assert target.stat().st_mode & 0o777 == 0o600
    assert [*target.parent.iterdir()] == [target]


def test_failed_write_keeps_the_old_file(tmp_path: Path) -> None:
    target = tmp_path / "keys.json"
    write_atomically(target, "old")
    with pytest.raises(UnicodeEncodeError):
        write_atomically(target, "\ud800")
    assert target.read_text() == "old"
    assert [*tmp_path.iterdir()] == [target]
