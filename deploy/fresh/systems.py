"""Minimal Debian systems in folders, built with debootstrap: only make, git and python3 are added.

They download packages as this machine does: they use the mirrors of its apt sources and copies of its network settings
for apt and pip (proxies, certificates).
"""

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from deploy.local.binaries import CHECKOUT
from deploy.local.packages import Packages
from deploy.local.sources import distribution_sources

INCLUDED = "make,git,python3"
# Files that configure how to reach the package sources of apt and pip.
MACHINE_FILES = ("/etc/resolv.conf", "/etc/hosts", "/etc/pip.conf", "/etc/ssl/certs/ca-certificates.crt")
# Mounts disappear with the mount namespace. With --kill-child, every process inside dies when this program dies.
ISOLATED = ("setpriv", "--pdeathsig", "KILL", "--", "unshare", "--mount", "--pid", "--fork", "--kill-child", "--")


class FreshFailed(Exception):
    """A system could not be built; the message gives the reason."""


def find_debootstrap(scratch: Path) -> Sequence[str]:
    """Return the debootstrap command; unpack it from the system's packages if it is not installed."""
    if installed := shutil.which("debootstrap"):
        return [installed]
    folder = scratch / "debootstrap"
    with Packages(scratch / "apt") as packages:
        packages.unpack(["debootstrap"], folder)
    return ["env", f"DEBOOTSTRAP_DIR={folder}/usr/share/debootstrap", "sh", f"{folder}/usr/sbin/debootstrap"]


def build(debootstrap: Sequence[str], suite: str, tree: Path, log: Path) -> None:
    """Build a system and copy this machine's network settings for apt and pip into it."""
    archives = mirrors()
    arguments = ["--variant=minbase", f"--include={INCLUDED}", suite, str(tree), archives["debian"]]
    with log.open("wb") as output:
        done = subprocess.run([*ISOLATED, *debootstrap, *arguments], stdout=output, stderr=output, check=False)
    if done.returncode != 0:
        raise FreshFailed(f"debootstrap of {suite} failed: see {log}")
    lines = [f"deb {archives['debian']} {name} main" for name in (suite, f"{suite}-updates")]
    if "debian-security" in archives:
        lines.append(f"deb {archives['debian-security']} {suite}-security main")
    (tree / "etc/apt/sources.list").write_text("\n".join(lines) + "\n")
    settings = subprocess.run(["apt-config", "dump", "Acquire"], capture_output=True, text=True, check=True).stdout
    (tree / "etc/apt/apt.conf.d/90machine").write_text(settings)
    for name in MACHINE_FILES:
        if Path(name).exists():
            copy = tree / name.removeprefix("/")
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.unlink(missing_ok=True)
            shutil.copyfile(name, copy)
            copy.chmod(0o644)


def mirrors() -> dict[str, str]:
    """Map `debian` and, if configured, `debian-security` to the addresses this machine uses for them."""
    found: dict[str, str] = {}
    for source in distribution_sources():
        for uri in source["URIs"].split():
            found.setdefault(uri.rstrip("/").rpartition("/")[2], uri)
    if "debian" not in found:
        raise FreshFailed("this machine's apt sources contain no Debian archive: run this on a Debian machine")
    return found


def clone_head(bare: Path) -> None:
    """Make a bare clone of HEAD, so that commits made during the run do not change what it tests."""
    clone = ["git", "clone", "--quiet", "--bare", "--depth=1", "--no-local"]
    subprocess.run([*clone, str(CHECKOUT), str(bare)], check=True)


def copy_with_clone(base: Path, tree: Path, user: str, bare: Path) -> None:
    """Copy a system, add the user to it, and copy the bare clone into it."""
    subprocess.run(["cp", "--archive", "--reflink=auto", str(base), str(tree)], check=True)
    if user != "root":
        subprocess.run(["chroot", str(tree), "useradd", "--create-home", user], check=True)
    shutil.copytree(bare, tree / "fairdb.git")
    # git refuses a repository that belongs to another user.
    subprocess.run(["chroot", str(tree), "chown", "-R", f"{user}:", "/fairdb.git"], check=True)


def remove(tree: Path) -> None:
    """Remove a system. --one-file-system keeps `rm` out of any mount that is left over."""
    if tree.exists():
        subprocess.run(["rm", "--recursive", "--force", "--one-file-system", str(tree)], check=True)


def source_environment() -> dict[str, str]:
    """Return the environment variables with which this machine reaches its package sources."""
    names = {"SSL_CERT_FILE", "PIP_CERT", "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_TRUSTED_HOST"}
    return {name: value for name, value in os.environ.items() if name in names or name.lower().endswith("_proxy")}
