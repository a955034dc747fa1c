"""The virtual environment: chooses its Python and installs pip. Standard library only.

Debian ships `ensurepip`, which installs pip, in a separate package. If that package is absent, setup unpacks pip from
the system's packages into `.fairdb`, as it does with the servers. This changes nothing outside the checkout and does
not require root.
"""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

from deploy.local.packages import Packages, PackagesMissing
from deploy.local.stages import FAIRDB, PYTHON, VENV, SetUpFailed, call, stage

SYSTEM_PYTHON = "/usr/bin/python3"
LOOP = """
import sys, timeit, venv
seconds = min(timeit.repeat("sum(len(str(n)) for n in range(10000))", number=5, repeat=7))
print(f"{sys.version_info.major}.{sys.version_info.minor}", seconds)
"""
ROUNDS = 3
FASTER_RATIO = 0.9
# Debian and Ubuntu ship pip's wheel in this package, for ensurepip and virtualenv.
PIP_PACKAGE = "python3-pip-whl"
PIP_FOLDER = FAIRDB / "pip"


def make_venv(packages: Packages) -> None:
    def make() -> None:
        python = fastest_python()
        if has_ensurepip(python):
            call("venv", [python, "-m", "venv", "--clear", str(VENV)])
            return
        packages_wheel = pip_wheel(packages)
        call("venv", [python, "-m", "venv", "--clear", "--without-pip", str(VENV)])
        # Python can run pip directly from its wheel.
        call("pip", [str(PYTHON), f"{packages_wheel}/pip", "install", "--quiet", "--no-index", str(packages_wheel)])

    stage("venv", [sys.version, str(VENV)], make, present=[PYTHON], note="creating the virtual environment")


def fastest_python() -> str:
    """Return this Python, or the system's if that is the same release and much faster.

    Distributions build Python with profile-guided optimisation; version managers seldom do. If PYTHON is set, return
    this Python without measuring.
    """
    # If the old virtual environment is active, its `python3` is in the folder that is about to be cleared.
    inside = sys.prefix != sys.base_prefix
    own = str(Path(sys.base_prefix) / "bin" / "python3") if inside else sys.executable
    if "PYTHON" in os.environ or not Path(SYSTEM_PYTHON).exists() or own == SYSTEM_PYTHON:
        return own
    # Alternate, so that other load on the machine affects both.
    rounds = [(loop_seconds(SYSTEM_PYTHON), loop_seconds(own)) for _ in range(ROUNDS)]
    systems, owns = map(min, zip(*rounds, strict=True))
    return SYSTEM_PYTHON if systems < FASTER_RATIO * owns else own


def loop_seconds(python: str) -> float:
    """Time a loop in another Python. Infinite if it is another release or lacks `venv`."""
    done = subprocess.run([python, "-c", LOOP], capture_output=True, text=True, check=False)
    version, _, seconds = done.stdout.partition(" ")
    is_same = done.returncode == 0 and version == f"{sys.version_info.major}.{sys.version_info.minor}"
    return float(seconds) if is_same else float("inf")


def has_ensurepip(python: str) -> bool:
    if python == sys.executable:
        return importlib.util.find_spec("ensurepip") is not None
    return subprocess.run([python, "-c", "import ensurepip"], capture_output=True, check=False).returncode == 0


def pip_wheel(packages: Packages) -> Path:
    """Return pip's wheel from the system's packages. Raises SetUpFailed."""
    try:
        packages.unpack([PIP_PACKAGE], PIP_FOLDER)
    except PackagesMissing as error:
        name = f"python3.{sys.version_info.minor}-venv"
        raise SetUpFailed(f"this python3 cannot install pip: install the package {name} ({error.reason})") from None
    return next(PIP_FOLDER.glob("usr/share/python-wheels/pip-*.whl"))
