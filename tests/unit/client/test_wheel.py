"""The wheel contains the client, the stubs and their data, and nothing of the services. Its bytes can be reproduced."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> ZipFile:
    return ZipFile(build(pytestconfig.rootpath, tmp_path_factory.mktemp("dist")))


def build(sources: Path, into: Path, **variables: str) -> Path:
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(into)]
    env = {**os.environ, "SOURCE_DATE_EPOCH": "1700000000", **variables}
    subprocess.run(command, cwd=sources, env=env, check=True, capture_output=True)
    (file,) = into.iterdir()
    return file


def test_same_sources_give_the_same_bytes_elsewhere(
    wheel: ZipFile, tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    # Another folder, other times and permissions of the files, another time zone, another order of sets.
    sources = tmp_path / "other"
    for name in ("fairdatabase", "gen", "pyproject.toml", "README.md", "LICENSE"):
        found = pytestconfig.rootpath / name
        if found.is_dir():
            shutil.copytree(found, sources / name, copy_function=shutil.copyfile)
        else:
            shutil.copyfile(found, sources / name)
    for file in sources.rglob("*"):
        file.chmod(0o700 if file.is_dir() else 0o600)
        os.utime(file, (1, 1))
    again = build(sources, tmp_path / "dist", TZ="Pacific/Auckland", PYTHONHASHSEED="1")
    assert wheel.filename is not None
    assert again.read_bytes() == Path(wheel.filename).read_bytes()


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
