"""Builds minimal Debian systems, runs `make demo` in each as root and as an ordinary user, and prints the results.

Run `make fresh` as root; it takes about 15 minutes and tests the last commit. All files are in `.fairdb/fresh`;
only the logs remain afterwards.
"""

import argparse
import fcntl
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from deploy.fresh.systems import (
    ISOLATED,
    FreshFailed,
    build,
    clone_head,
    copy_with_clone,
    find_debootstrap,
    remove,
    source_environment,
)
from deploy.local import private_files
from deploy.local.packages import PackagesMissing
from deploy.local.stages import FAIRDB

SUITES = {"bookworm": "Debian 12", "trixie": "Debian 13"}
USERS = {"root": "/root", "researcher": "/home/researcher"}
WANTED = "334 samples created"
# Prefixes of the lines in which setup, the local platform and the script below report a failure.
REASONS = ("setup: ", "fairdb: ", "processes left running")
FOLDER = FAIRDB / "fresh"
# Arguments: the system, the user, the user's script, and the environment. This shell is process 1 of a PID namespace:
# when it exits, the kernel kills the remaining processes, so it counts them first.
INSIDE = """
tree=$1 user=$2 script=$3; shift 3
mount -t proc proc "$tree/proc" && mount --rbind /dev "$tree/dev" || exit 1
chroot --userspec="$user:$user" "$tree" env -i "$@" sh -c "$script"
code=$?
set -- "$tree"/proc/[0-9]*
[ $# -eq 1 ] || { echo "processes left running: $(($# - 1))"; exit 1; }
exit $code
"""
# Each script also covers an unusual case: root has a strict umask, the user's folder name contains a space.
SCRIPTS = {
    "root": "umask 077; cd && git clone --quiet /fairdb.git fairdb && cd fairdb && make demo",
    "researcher": "cd && git clone --quiet /fairdb.git 'fair data' && cd 'fair data' && make demo",
}


@dataclass(frozen=True)
class Outcome:
    """The result of one run of `make demo`."""

    suite: str
    user: str
    seconds: float
    good: bool
    result: str


def main() -> int:
    parser = argparse.ArgumentParser(prog="make fresh", description=__doc__)
    parser.add_argument("--suite", choices=SUITES, action="append", help="test only this system; repeatable")
    parser.add_argument("--user", choices=USERS, action="append", help="run only as this user; repeatable")
    options = parser.parse_args()
    if os.geteuid() != 0:
        return fail("run this as root: it builds systems with debootstrap and chroot")
    # By default SIGTERM would end the program without the clean-up below.
    signal.signal(signal.SIGTERM, interrupt)
    FOLDER.mkdir(parents=True, exist_ok=True)
    try:
        with open(FOLDER / "lock", "w", opener=private_files.opener) as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            outcomes = try_all(options.suite or list(SUITES), options.user or list(USERS))
    except BlockingIOError:
        return fail("another run is already in progress in this checkout: wait until it has finished")
    except (FreshFailed, PackagesMissing, subprocess.CalledProcessError) as error:
        return fail(str(error))
    print_table(outcomes)
    return 0 if all(outcome.good for outcome in outcomes) else 1


def try_all(suites: list[str], users: list[str]) -> list[Outcome]:
    work, logs = FOLDER / "work", FOLDER / "logs"
    remove(work)
    shutil.rmtree(logs, ignore_errors=True)
    logs.mkdir()
    outcomes: list[Outcome] = []
    try:
        work.mkdir()
        clone_head(work / "fairdb.git")
        debootstrap = find_debootstrap(work)
        for suite in suites:
            say(f"building {SUITES[suite]}")
            build(debootstrap, suite, work / suite, logs / f"{suite}.log")
            for user in users:
                say(f"running make demo on {SUITES[suite]} as {user}")
                tree = work / f"{suite}-{user}"
                copy_with_clone(work / suite, tree, user, work / "fairdb.git")
                outcomes.append(run_demo(tree, suite, user, logs / f"{suite}-{user}.log"))
                remove(tree)
            remove(work / suite)
    finally:
        remove(work)
    return outcomes


def run_demo(tree: Path, suite: str, user: str, log: Path) -> Outcome:
    path = "/usr/local/bin:/usr/bin:/bin"
    environment = {
        **source_environment(),
        "HOME": USERS[user],
        "USER": user,
        "PATH": f"/usr/local/sbin:/usr/sbin:/sbin:{path}" if user == "root" else path,
    }
    words = [f"{name}={value}" for name, value in environment.items()]
    began = time.monotonic()
    with log.open("wb") as output:
        done = subprocess.run(
            [*ISOLATED, "sh", "-c", INSIDE, "sh", str(tree), user, SCRIPTS[user], *words],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            check=False,
        )
    good, result = read_result(done.returncode, log.read_text(errors="replace"))
    return Outcome(suite, user, time.monotonic() - began, good, result if good else f"FAILED: {result} ({log})")


def read_result(code: int, output: str) -> tuple[bool, str]:
    """Return whether a run succeeded, and its text in the table: the samples created, or the reason for the failure."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    if code == 0 and any(WANTED in line for line in lines):
        return True, WANTED
    reasons = [line for line in lines if line.startswith(REASONS)]
    return False, (reasons or lines or ["no output"])[-1]


def print_table(outcomes: list[Outcome]) -> None:
    print(f"{'system':<12}{'user':<12}{'seconds':>8}  result")
    for outcome in outcomes:
        print(f"{SUITES[outcome.suite]:<12}{outcome.user:<12}{outcome.seconds:>8.0f}  {outcome.result}")


def say(line: str) -> None:
    print(f"fresh: {line}", flush=True)


def fail(line: str) -> int:
    print(f"fresh: {line}", file=sys.stderr)
    return 1


def interrupt(number: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


if __name__ == "__main__":
    sys.exit(main())
