"""The source of pip for a Python without ensurepip."""

from pathlib import Path

import pytest

from deploy.local import environment
from deploy.local.environment import PIP_PACKAGE, pip_wheel
from deploy.local.packages import Packages
from deploy.local.stages import SetUpFailed
from tests.unit.deploy.archive import Archive


def test_pip_is_taken_from_the_systems_packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "PIP_FOLDER", tmp_path / "pip")
    archive = Archive(tmp_path / "archive")
    archive.add(PIP_PACKAGE, {"usr/share/python-wheels/pip-99-py3-none-any.whl": ""})
    archive.publish()
    with Packages(tmp_path / "scratch", apt=archive.apt, os_release=archive.os_release) as packages:
        assert pip_wheel(packages) == tmp_path / "pip/usr/share/python-wheels/pip-99-py3-none-any.whl"


def test_error_names_the_package_to_install_when_pip_is_missing(tmp_path: Path) -> None:
    archive = Archive(tmp_path / "archive")
    archive.add("other", {"usr/bin/other": ""})
    archive.publish()
    packages = Packages(tmp_path / "scratch", apt=archive.apt, os_release=archive.os_release)
    with pytest.raises(
        SetUpFailed,
        match=r"cannot install pip: install the package python3\.[0-9]+-venv \(apt-get: E: .*python3-pip-whl",
    ):
        pip_wheel(packages)
