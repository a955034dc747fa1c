"""Stages of setup: progress lines, when a stage runs again, and errors."""

from pathlib import Path

import pytest

from deploy.local import stages
from deploy.local.stages import SetUpFailed, call, require_writable, stage


@pytest.fixture(autouse=True)
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(stages, "STAMPS", tmp_path)
    return tmp_path


def test_stage_prints_its_note_before_it_runs(folders: Path, capsys: pytest.CaptureFixture[str]) -> None:
    printed: list[str] = []
    stage("one", ["a"], lambda: printed.append(capsys.readouterr().out), present=[], note="making it", stamps=folders)
    assert printed == ["setup: making it\n"]


def test_stage_runs_again_only_for_new_inputs_or_missing_output(
    folders: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made, runs = folders / "made", []

    def make() -> None:
        runs.append(1)
        made.touch()

    def run(*inputs: str) -> int:
        stage("one", inputs, make, present=[made], note="making it", stamps=folders)
        return len(runs)

    assert [run("a"), run("a"), run("b"), run("b")] == [1, 1, 2, 2]
    made.unlink()
    assert [run("b"), run("b")] == [3, 3]
    assert capsys.readouterr().out == 3 * "setup: making it\n"


def test_failed_stage_runs_again(folders: Path) -> None:
    def fail() -> None:
        raise SetUpFailed("no")

    done: list[int] = []
    stage("one", ["a"], lambda: done.append(1), present=[], note="", stamps=folders)
    with pytest.raises(SetUpFailed):
        stage("one", ["b"], fail, present=[], note="", stamps=folders)
    stage("one", ["a"], lambda: done.append(2), present=[], note="", stamps=folders)
    assert done == [1, 2]


def test_error_of_a_failed_program_is_one_line_with_the_reason(folders: Path) -> None:
    script = "echo fetching; echo 'ERROR: No matching distribution found for x'; echo 'see the docs'; exit 1"
    with pytest.raises(SetUpFailed, match="one failed: ERROR: No matching distribution") as failed:
        call("one", ["sh", "-c", script])
    assert str(folders / "one.log") in str(failed.value)
    assert "\n" not in str(failed.value)


def test_error_for_a_folder_of_another_user_names_its_owner(folders: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    require_writable([folders, folders / "absent"])
    # Replace the check, because root may write everywhere, and the test must also pass as root.
    monkeypatch.setattr("os.access", lambda path, mode: False)
    with pytest.raises(SetUpFailed, match=r"permission denied for .* \(.* belongs to .*\): use your own clone"):
        require_writable([folders])
