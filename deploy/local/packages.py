"""The system's packages, unpacked into the checkout: no root, no system broker started, nothing changed outside.

A private apt configuration under `.fairdb/apt` (own sources, lists and cache) is derived from the system's sources, so
mirrors and keys are the ones this machine trusts. To it comes an older suite that still carries Consul. Standard
library only: this runs before a virtual environment exists.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

APT = Path("/etc/apt")
# The last suite of each distribution with a free Consul.
SUITE_WITH_CONSUL = {"debian": "bullseye", "ubuntu": "jammy"}
ARCHIVES = {"debian", "debian-security", "ubuntu", "ubuntu-ports"}
FIELDS = {"signed-by": "Signed-By", "arch": "Architectures", "trusted": "Trusted"}
LEGACY_LINE = re.compile(r"^deb\s+(?:\[(?P<options>[^\]]*)\]\s+)?(?P<uri>\S+)\s+(?P<suite>\S+)\s+(?P<components>.+)$")

# One entry of the sources: field names and values as apt's deb822 format has them.
Source = dict[str, str]


class PackagesMissing(Exception):
    """The system's packages cannot be had; the message says what to install by hand."""


def unpack(wanted: Iterable[str], into: Path, scratch: Path) -> None:
    """Download `consul` and `rabbitmq-server` (with its Erlang), as far as wanted, verified, and unpack them.

    `into` is replaced as a whole at the end. Raises PackagesMissing.
    """
    names = list(wanted)
    advice = f"install {' and '.join(names)} by hand so that PATH has {'it' if len(names) == 1 else 'them'}"
    if shutil.which("apt-get") is None or shutil.which("dpkg") is None:
        raise PackagesMissing(f"this system has no apt: {advice}")
    shutil.rmtree(scratch, ignore_errors=True)
    fresh = into.with_name(into.name + ".new")
    shutil.rmtree(fresh, ignore_errors=True)
    try:
        options = configure(scratch, with_consul="consul" in names)
        run(["apt-get", *options, "update"], scratch)
        if "rabbitmq-server" in names:
            names += erlang_closure(options, scratch)
        run(["apt-get", *options, "download", *names], scratch)
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            list(pool.map(lambda deb: run(["dpkg", "-x", str(deb), str(fresh)], scratch), scratch.glob("*.deb")))
        # Erlang and RabbitMQ now lie elsewhere than their packages say, and must not look there.
        relocate(fresh, into)
        shutil.rmtree(into, ignore_errors=True)
        fresh.rename(into)
        verify(into, names)
    except subprocess.CalledProcessError as error:
        lines = (error.stderr or error.stdout or "").strip().splitlines() or [str(error)]
        raise PackagesMissing(f"{advice} ({' '.join(error.cmd[:1])}: {lines[-1]})") from None
    shutil.rmtree(scratch)


def configure(scratch: Path, *, with_consul: bool) -> list[str]:
    """Write the private sources; return the options that make apt use them and nothing of the system but its keys."""
    release = os_release()
    distribution = next((word for word in (release["ID"], *release.get("ID_LIKE", "").split())
                         if word in SUITE_WITH_CONSUL), "")  # fmt: skip
    codename = release.get("VERSION_CODENAME", "")
    own = [source for source in system_sources() if is_of_distribution(source, codename)]
    if not own:
        raise PackagesMissing(
            "no Debian or Ubuntu archive in apt's sources: install rabbitmq-server and consul by hand"
        )
    sources = list(own)
    if with_consul:
        older = SUITE_WITH_CONSUL[distribution]
        sources += [{**source, "Suites": older} for source in own if codename in source["Suites"].split()]
    for folder in ("sources", "lists/partial", "cache/archives/partial"):
        (scratch / folder).mkdir(parents=True)
    text = "\n\n".join("\n".join(f"{name}: {value}" for name, value in source.items()) for source in sources)
    (scratch / "sources" / "fairdb.sources").write_text(text + "\n")
    settings = {
        "Dir::Etc::sourcelist": "/dev/null",
        "Dir::Etc::sourceparts": f"{scratch}/sources",
        "Dir::State::lists": f"{scratch}/lists",
        "Dir::Cache": f"{scratch}/cache",
        "Acquire::Languages": "none",
        # A source that fails to load must not pass as an old one that is still good.
        "APT::Update::Error-Mode": "any",
        # apt would download as user _apt, who may not be able to enter the checkout.
        "APT::Sandbox::User": "root",
    }
    return ["-q", *(word for name, value in settings.items() for word in ("-o", f"{name}={value}"))]


def os_release() -> dict[str, str]:
    lines = Path("/etc/os-release").read_text().splitlines()
    return {name: value.strip('"') for name, _, value in (line.partition("=") for line in lines if "=" in line)}


def system_sources() -> list[Source]:
    """Read apt's configured sources in both formats."""
    found: list[Source] = []
    for file in (APT / "sources.list", *sorted((APT / "sources.list.d").glob("*.list"))):
        if file.exists():
            found += [source for line in file.read_text().splitlines() if (source := parse_line(line))]
    for file in sorted((APT / "sources.list.d").glob("*.sources")):
        found += [source for stanza in re.split(r"\n\s*\n", file.read_text()) if (source := parse_stanza(stanza))]
    return found


def parse_line(line: str) -> Source | None:
    match = LEGACY_LINE.match(line.split("#", maxsplit=1)[0].strip())
    if match is None:
        return None
    source = {"Types": "deb", "URIs": match["uri"], "Suites": match["suite"], "Components": match["components"]}
    for option in (match["options"] or "").split():
        name, _, value = option.partition("=")
        if name.lower() in FIELDS:
            source[FIELDS[name.lower()]] = value.replace(",", " ")
    return source


def parse_stanza(stanza: str) -> Source | None:
    source: Source = {}
    last = ""
    for line in stanza.splitlines():
        if line.startswith("#") or not line.strip():
            continue
        if line[0].isspace():  # a value that goes on, such as a key written into the file
            source[last] += f"\n{line}"
            continue
        last, _, value = line.partition(":")
        source[last] = value.strip()
    if "deb" not in source.get("Types", "").split() or source.get("Enabled", "yes").lower() == "no":
        return None
    return {**source, "Types": "deb"} if {"URIs", "Suites", "Components"} <= source.keys() else None


def is_of_distribution(source: Source, codename: str) -> bool:
    """Tell whether the source is the distribution's own archive, not somebody's who names suites alike."""
    archive = source["URIs"].split()[0].rstrip("/").rpartition("/")[2].removesuffix(".list")
    components = {"main", "universe"} & set(source["Components"].split())
    suites = [suite for suite in source["Suites"].split() if suite.startswith(codename)]
    return bool(codename and archive in ARCHIVES and components and suites)


def erlang_closure(options: list[str], scratch: Path) -> list[str]:
    """Return the Erlang packages RabbitMQ needs; the C libraries below them belong to every Debian."""
    edges = ("recommends", "suggests", "conflicts", "breaks", "replaces", "enhances")
    answer = run(
        ["apt-cache", *options, "depends", "--recurse", *(f"--no-{edge}" for edge in edges), "rabbitmq-server"], scratch
    )
    names = {line for line in answer.splitlines() if line.startswith("erlang-")}
    return sorted(name for name in names if not name.endswith("-hipe") and ":" not in name)


def relocate(fresh: Path, into: Path) -> None:
    """Point `erl` to its new home and drop the broker's optional plugins.

    The broker reads every plugin it finds at each start: without them it is up in two thirds of the time.
    """
    launcher = fresh / "usr/lib/erlang/bin/erl"
    if launcher.exists():
        text = launcher.read_text().replace("ROOTDIR=/usr/lib/erlang", f'ROOTDIR="{into}/usr/lib/erlang"')
        launcher.write_text(text)
    for plugin in fresh.glob("usr/lib/rabbitmq/lib/rabbitmq_server-*/plugins/rabbitmq_*"):
        if not plugin.name.startswith("rabbitmq_prelaunch"):
            shutil.rmtree(plugin) if plugin.is_dir() else plugin.unlink()


def verify(into: Path, names: list[str]) -> None:
    """Run what was unpacked: a missing C library shows here and not in the middle of a start."""
    if "consul" in names:
        run([str(into / "usr/bin/consul"), "version"], into)
    if "rabbitmq-server" in names:
        check = "{ok, _} = application:ensure_all_started(ssl), halt(0)."
        run([str(into / "usr/lib/erlang/bin/erl"), "-noshell", "-eval", check], into)


def run(argv: list[str], folder: Path) -> str:
    env = {**os.environ, "LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"}
    return subprocess.run(argv, cwd=folder, env=env, check=True, capture_output=True, text=True).stdout
