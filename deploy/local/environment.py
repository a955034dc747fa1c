"""The virtual environment: which Python it is made of, and pip in it. Standard library only.

Debian keeps what installs pip (`ensurepip`) in a package of its own. Where that is absent pip comes from the system's
packages like the servers, unpacked beside the checkout: nothing is installed in the system, so nobody has to be root.
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
MUCH_FASTER = 0.9
# Debian and Ubuntu keep pip's wheel there for ensurepip and virtualenv.
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
        # A wheel with pip in it is a program that Python can run.
        call("pip", [str(PYTHON), f"{packages_wheel}/pip", "install", "--quiet", "--no-index", str(packages_wheel)])

    stage("venv", [sys.version, str(VENV)], make, present=[PYTHON], note="making the virtual environment")


def fastest_python() -> str:
    """Return this Python, or the system's where that is the same release and much faster.

    What a distribution builds is optimised with profiles, what version managers build seldom is. PYTHON, when it is
    set, is taken as it is.
    """
    # With the old environment activated, `python3` is the one that is about to be cleared.
    inside = sys.prefix != sys.base_prefix
    own = str(Path(sys.base_prefix) / "bin" / "python3") if inside else sys.executable
    if "PYTHON" in os.environ or not Path(SYSTEM_PYTHON).exists() or own == SYSTEM_PYTHON:
        return own
    # In turn, since the machine may be busy with something else meanwhile.
    rounds = [(loop_seconds(SYSTEM_PYTHON), loop_seconds(own)) for _ in range(ROUNDS)]
    systems, owns = map(min, zip(*rounds, strict=True))
    return SYSTEM_PYTHON if systems < MUCH_FASTER * owns else own


def loop_seconds(python: str) -> float:
    """Time a loop in another Python; infinite when it is another release, or cannot make virtual environments."""
    done = subprocess.run([python, "-c", LOOP], capture_output=True, text=True, check=False)
    version, _, seconds = done.stdout.partition(" ")
    is_same = done.returncode == 0 and version == f"{sys.version_info.major}.{sys.version_info.minor}"
    return float(seconds) if is_same else float("inf")


def has_ensurepip(python: str) -> bool:
    if python == sys.executable:
        return importlib.util.find_spec("ensurepip") is not None
    return subprocess.run([python, "-c", "import ensurepip"], capture_output=True, check=False).returncode == 0


def pip_wheel(packages: Packages) -> Path:
    """Return pip's wheel out of the system's packages. Raises SetUpFailed."""
    try:
        packages.unpack([PIP_PACKAGE], PIP_FOLDER)
    except PackagesMissing as error:
        name = f"python3.{sys.version_info.minor}-venv"
        raise SetUpFailed(f"this python3 cannot install pip: install {name} ({error.reason})") from None
    return next(PIP_FOLDER.glob("usr/share/python-wheels/pip-*.whl"))
