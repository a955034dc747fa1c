"""The wheel contains the client, the stubs and their data, and nothing of the services."""

import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> ZipFile:
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(command, cwd=pytestconfig.rootpath, check=True, capture_output=True)
    (file,) = folder.iterdir()
    return ZipFile(file)


def test_wheel_installs_few_top_level_names(wheel: ZipFile) -> None:
    names = {name.partition("/")[0] for name in wheel.namelist()}
    # The stubs import `buf` for their validation rules.
    assert {name for name in names if not name.endswith(".dist-info")} == {"fairdatabase", "fairdb", "buf"}


def test_wheel_contains_types_and_policy(wheel: ZipFile, pytestconfig: pytest.Config) -> None:
    names = set(wheel.namelist())
    assert "fairdatabase/py.typed" in names
    stubs = {str(Path(name).parent) for name in names if name.endswith("_pb2.pyi")}
    assert stubs
    assert {f"{folder}/py.typed" for folder in stubs} <= names
    assert {f"fairdatabase/policy/tables/{name}.toml" for name in ("policy", "vocabulary")} <= names
    sources = pytestconfig.rootpath / "fairdatabase"
    assert {str(file.relative_to(sources.parent)) for file in sources.rglob("*.py")} <= names


def test_metadata_names_licence_extra_and_command(wheel: ZipFile) -> None:
    (folder,) = {name.partition("/")[0] for name in wheel.namelist() if ".dist-info/" in name}
    metadata = wheel.read(f"{folder}/METADATA").decode()
    assert "License-Expression: Apache-2.0\n" in metadata
    assert [line for line in metadata.splitlines() if line.startswith("Provides-Extra")] == ["Provides-Extra: tables"]
    assert any("/licenses/LICENSE" in name for name in wheel.namelist())
    scripts = wheel.read(f"{folder}/entry_points.txt").decode()
    assert scripts == "[console_scripts]\nfairdb = fairdatabase.client.commands.main:main\n"
