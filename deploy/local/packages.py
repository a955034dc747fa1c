"""Downloads system packages and unpacks them into the checkout, without root and without changing the system.

A private apt configuration (sources, lists and cache) is derived from the system's sources, so it uses the mirrors and
keys that this machine trusts. Standard library only: this runs before a virtual environment exists.
"""

import os
import re
import shutil
import subprocess
import threading
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import unquote

from deploy.local.binaries import library_path
from deploy.local.sources import APT, OS_RELEASE, NoArchive, as_deb822, distribution_sources, older_sources

# Dependencies that are needed only to run a server as a system service. Other missing dependencies are downloaded.
UNNEEDED = {"adduser", "logrotate", "procps", "lsb-base", "sysvinit-utils"}

# Unquoted expansions in RabbitMQ's script, which break if the checkout's path contains spaces.
UNQUOTED = ("$SCRIPT_PATH", "${RABBITMQ_SCRIPTS_DIR}/rabbitmq-defaults")

# RabbitMQ needs the first to start. The second logs clients in by their certificates.
KEPT_PLUGINS = ("rabbitmq_prelaunch", "rabbitmq_auth_mechanism_ssl")


class PackagesMissing(Exception):
    """Packages could not be unpacked; the message gives the reason and what to install manually."""

    def __init__(self, names: list[str], reason: str) -> None:
        super().__init__(
            f"{reason}: install {' and '.join(names)} manually and make sure that PATH includes the programs"
        )
        self.reason = reason


class Packages:
    """The distribution's packages; with `older`, those of the last suite that includes Consul.

    Package lists are loaded once, at first use. Several threads may call `unpack`. Use it as a context manager, which
    removes `scratch` on exit.
    """

    CONTENT = "packages.txt"
    """The file in each unpacked folder that lists its packages: a name and a version in each line."""

    def __init__(self, scratch: Path, *, older: bool = False, apt: Path = APT, os_release: Path = OS_RELEASE) -> None:
        self._scratch = scratch
        self._older = older
        self._apt = apt
        self._os_release = os_release
        self._options: list[str] | None = None
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        shutil.rmtree(self._scratch, ignore_errors=True)

    def unpack(self, names: Iterable[str], into: Path) -> None:
        """Download packages, verified by apt, and replace `into` with their content. Raises PackagesMissing.

        For RabbitMQ and Redis this includes their dependencies. If there is no Redis package, Valkey is used instead.
        """
        wanted = list(names)
        if shutil.which("apt-get") is None or shutil.which("dpkg") is None:
            raise PackagesMissing(wanted, "this system does not have apt and dpkg")
        fresh = into.with_name(into.name + ".new")
        shutil.rmtree(fresh, ignore_errors=True)
        try:
            with self._lock:
                debs = self._download(wanted)
            with ThreadPoolExecutor(os.cpu_count()) as pool:
                list(pool.map(lambda deb: run(["dpkg", "-x", str(deb), str(fresh)], self._scratch), debs))
            # The scripts of Erlang and RabbitMQ contain absolute paths, which must point into the new folder.
            relocate(fresh, into)
            (fresh / self.CONTENT).write_text("".join(f"{name} {version}\n" for name, version in map(contained, debs)))
            shutil.rmtree(into, ignore_errors=True)
            fresh.rename(into)
            verify(into, wanted)
        except NoArchive:
            raise PackagesMissing(wanted, "apt's sources contain no Debian or Ubuntu archive") from None
        except subprocess.CalledProcessError as error:
            lines = (error.stderr or error.stdout or "").strip().splitlines() or [str(error)]
            reason = next((line for line in lines if line.startswith("E:")), lines[-1])
            raise PackagesMissing(wanted, f"{error.cmd[0]}: {reason}") from None

    def outdated(self, folder: Path) -> list[str]:
        """Return a line for each package in an unpacked folder that has a newer version. Raises PackagesMissing."""
        unpacked = dict(line.split() for line in (folder / self.CONTENT).read_text().splitlines())
        try:
            with self._lock:
                shown = run(["apt-cache", *self._configured(), "show", "--no-all-versions", *unpacked], self._scratch)
        except NoArchive:
            raise PackagesMissing([folder.name], "apt's sources contain no Debian or Ubuntu archive") from None
        except subprocess.CalledProcessError as error:
            raise PackagesMissing([folder.name], f"apt: {(error.stderr or '').strip()[-200:]}") from None
        newest = dict(re.findall(r"^Package: (\S+)\n(?:.+\n)*?Version: (\S+)$", shown, re.MULTILINE))
        return [
            f"{name} {version} of {folder.name} is older than {newest[name]}"
            for name, version in unpacked.items()
            if name in newest and is_newer(newest[name], version)
        ]

    def _download(self, names: list[str]) -> list[Path]:
        options = self._configured()
        everything: list[str] = []
        for name in names:
            if name == "redis-server" and not self._has(name):
                name = "valkey-server"
            everything.append(name)
            if name in ("redis-server", "valkey-server", "rabbitmq-server"):
                everything += missing_dependencies(run(["apt-get", *options, "-s", "install", name], self._scratch))
            if name == "rabbitmq-server":
                # Erlang loads libraries from its own folder only, so include packages that the system already has.
                everything += erlang_packages(run(["apt-cache", *options, *DEPENDS, name], self._scratch))
        folder = self._scratch / "debs" / names[0]
        folder.mkdir(parents=True)
        run(["apt-get", *options, "download", *sorted({*everything})], folder)
        return sorted(folder.glob("*.deb"))

    def _has(self, name: str) -> bool:
        return bool(
            run(["apt-cache", *self._configured(), "show", "--no-all-versions", name], self._scratch, check=False)
        )

    def _configured(self) -> list[str]:
        if self._options is None:
            shutil.rmtree(self._scratch, ignore_errors=True)
            own = distribution_sources(self._apt, self._os_release)
            chosen = older_sources(own, self._os_release) if self._older else own
            options = configure(self._scratch, as_deb822(chosen))
            run(["apt-get", *options, "update"], self._scratch)
            self._options = options
        return self._options


DEPENDS = (
    "depends", "--recurse", "--no-recommends", "--no-suggests", "--no-conflicts", "--no-breaks", "--no-replaces",
    "--no-enhances",
)  # fmt: skip


def configure(scratch: Path, text: str) -> list[str]:
    """Write the private sources; return the apt options that select them.

    Of the system's apt configuration only the keys are used.
    """
    for folder in ("sources", "lists/partial", "cache/archives/partial"):
        (scratch / folder).mkdir(parents=True)
    (scratch / "sources" / "fairdb.sources").write_text(text)
    settings = {
        "Dir::Etc::sourcelist": "/dev/null",
        "Dir::Etc::sourceparts": f"{scratch}/sources",
        "Dir::State::lists": f"{scratch}/lists",
        "Dir::Cache": f"{scratch}/cache",
        "Acquire::Languages": "none",
        "APT::Install-Recommends": "false",
        # Fail if any source cannot be loaded; by default apt only warns.
        "APT::Update::Error-Mode": "any",
        # By default apt downloads as user _apt, which may be unable to enter the checkout.
        "APT::Sandbox::User": "root",
    }
    return ["-q", *(word for name, value in settings.items() for word in ("-o", f"{name}={value}"))]


def contained(deb: Path) -> tuple[str, str]:
    """Return the name and version of a package from the name of its file."""
    name, version, _ = deb.name.split("_")
    return name, unquote(version)


def is_newer(version: str, than: str) -> bool:
    return subprocess.run(["dpkg", "--compare-versions", version, "gt", than], check=False).returncode == 0


def missing_dependencies(simulation: str) -> list[str]:
    """Return the packages that `apt-get -s install` would install, except UNNEEDED."""
    names = [line.split()[1] for line in simulation.splitlines() if line.startswith("Inst ")]
    return [name for name in names if name not in UNNEEDED]


def erlang_packages(dependencies: str) -> list[str]:
    """Return the Erlang packages named in the output of `apt-cache depends`."""
    names = {line for line in dependencies.splitlines() if line.startswith("erlang-")}
    return sorted(name for name in names if not name.endswith("-hipe") and ":" not in name)


def relocate(fresh: Path, into: Path) -> None:
    """Adapt the scripts of Erlang and RabbitMQ to the folder `into`, and remove the plugins that we do not use.

    RabbitMQ reads every plugin at each start; without them it starts in two thirds of the time.
    """
    erlang = fresh / "usr/lib/erlang/bin/erl"
    if erlang.exists():
        substitute(erlang, {"ROOTDIR=/usr/lib/erlang": f'ROOTDIR="{into}/usr/lib/erlang"'})
    for script in fresh.glob("usr/lib/rabbitmq/lib/rabbitmq_server-*/sbin/rabbitmq-env"):
        substitute(script, {f" {word}": f' "{word}"' for word in UNQUOTED})
    for plugin in fresh.glob("usr/lib/rabbitmq/lib/rabbitmq_server-*/plugins/rabbitmq_*"):
        if not plugin.name.startswith(KEPT_PLUGINS):
            shutil.rmtree(plugin) if plugin.is_dir() else plugin.unlink()


def substitute(file: Path, replacements: Mapping[str, str]) -> None:
    text = file.read_text()
    for old, new in replacements.items():
        text = text.replace(old, new)
    file.write_text(text)


def verify(into: Path, names: Iterable[str]) -> None:
    """Run the unpacked programs, so that a missing C library fails setup and not a later start."""
    env = library_path(into)
    for name in names:
        if name == "consul":
            run([str(into / "usr/bin/consul"), "version"], into)
        if name == "redis-server":
            program = next(file for file in (into / "usr/bin").glob("*-server"))
            run([str(program), "--version"], into, env=env)
        if name == "rabbitmq-server":
            check = "{ok, _} = application:ensure_all_started(ssl), halt(0)."
            run([str(into / "usr/lib/erlang/bin/erl"), "-noshell", "-eval", check], into, env=env)


def run(argv: list[str], folder: Path, *, check: bool = True, env: Mapping[str, str] | None = None) -> str:
    env = {**os.environ, **(env or {}), "LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"}
    return subprocess.run(argv, cwd=folder, env=env, check=check, capture_output=True, text=True).stdout
