"""Builds minimal systems, runs `make demo` in each as root and as an ordinary user, and prints what came of it.

Run as root, as `make fresh`; it takes a quarter of an hour. What is tried is the last commit. Everything lies in
`.fairdb/fresh`, of which only the logs stay.
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
    way_to_sources,
)
from deploy.local.packages import PackagesMissing
from deploy.local.stages import FAIRDB

SUITES = {"bookworm": "Debian 12", "trixie": "Debian 13"}
USERS = {"root": "/root", "researcher": "/home/researcher"}
WANTED = "334 samples created"
# How set-up, the local constellation and the script below begin a line that says why they failed.
REASONS = ("set-up: ", "fairdb: ", "processes left running")
FOLDER = FAIRDB / "fresh"
# $1 is the system, $2 the user, $3 their script, the rest their environment. This shell is process 1 of a namespace:
# at its end the kernel kills what is left, which is counted first.
INSIDE = """
tree=$1 user=$2 script=$3; shift 3
mount -t proc proc "$tree/proc" && mount --rbind /dev "$tree/dev" || exit 1
chroot --userspec="$user:$user" "$tree" env -i "$@" sh -c "$script"
code=$?
set -- "$tree"/proc/[0-9]*
[ $# -eq 1 ] || { echo "processes left running: $(($# - 1))"; exit 1; }
exit $code
"""
# What else is unusual for each: root's files are closed to others, the user's folder has a space.
SCRIPTS = {
    "root": "umask 077; cd && git clone --quiet /fairdb.git fairdb && cd fairdb && make demo",
    "researcher": "cd && git clone --quiet /fairdb.git 'fair data' && cd 'fair data' && make demo",
}


@dataclass(frozen=True)
class Outcome:
    """What `make demo` came to."""

    suite: str
    user: str
    seconds: float
    good: bool
    result: str


def main() -> int:
    parser = argparse.ArgumentParser(prog="make fresh", description=__doc__)
    parser.add_argument("--suite", choices=SUITES, action="append", help="only this system")
    parser.add_argument("--user", choices=USERS, action="append", help="only as this user")
    options = parser.parse_args()
    if os.geteuid() != 0:
        return fail("it builds systems with debootstrap and chroot: run it as root")
    # The default would end us without the clean-up below.
    signal.signal(signal.SIGTERM, interrupt)
    FOLDER.mkdir(parents=True, exist_ok=True)
    try:
        with (FOLDER / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            outcomes = try_all(options.suite or list(SUITES), options.user or list(USERS))
    except BlockingIOError:
        return fail("another run is under way in this checkout")
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
                say(f"make demo on {SUITES[suite]} as {user}")
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
        **way_to_sources(),
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
    """Tell whether a run was good, and what the table says of it: what was created, or the line with the reason."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    if code == 0 and any(WANTED in line for line in lines):
        return True, WANTED
    reasons = [line for line in lines if line.startswith(REASONS)]
    return False, (reasons or lines or ["it printed nothing"])[-1]


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
