"""Apt's sources: reads the system's, chooses the distribution's own archives, derives those of an older suite.

Standard library only: this runs before a virtual environment exists.
"""

import re
from collections.abc import Iterable
from pathlib import Path

APT = Path("/etc/apt")
OS_RELEASE = Path("/etc/os-release")
# The last suite of each distribution with a free Consul.
SUITE_WITH_CONSUL = {"debian": "bullseye", "ubuntu": "jammy"}
ARCHIVES = {"debian", "debian-security", "ubuntu", "ubuntu-ports"}
# Names that Debian moves from release to release.
ALIASES = {"stable", "oldstable", "testing", "unstable"}
FIELDS = {"signed-by": "Signed-By", "arch": "Architectures", "trusted": "Trusted"}
LEGACY_LINE = re.compile(r"^deb\s+(?:\[(?P<options>[^\]]*)\]\s+)?(?P<uri>\S+)\s+(?P<suite>\S+)\s+(?P<components>.+)$")

# One entry of the sources: field names and values as apt's deb822 format has them.
Source = dict[str, str]


class NoArchive(Exception):
    """Apt's sources have no archive of Debian or Ubuntu."""


def distribution_sources(apt: Path = APT, os_release: Path = OS_RELEASE) -> list[Source]:
    """Return the system's sources that are its distribution's own archives. Raises NoArchive."""
    codename = read_os_release(os_release).get("VERSION_CODENAME", "")
    own = [source for source in read_sources(apt) if is_of_distribution(source, codename)]
    if not own:
        raise NoArchive
    return own


def older_sources(own: Iterable[Source], os_release: Path = OS_RELEASE) -> list[Source]:
    """Return the same archives with the suite that still has Consul; suites for updates and security have none."""
    release = read_os_release(os_release)
    names = (release["ID"], *release.get("ID_LIKE", "").split())
    older = next((SUITE_WITH_CONSUL[name] for name in names if name in SUITE_WITH_CONSUL), None)
    if older is None:
        raise NoArchive
    bases = {release.get("VERSION_CODENAME", ""), *ALIASES}
    return [{**source, "Suites": older} for source in own if bases & {*source["Suites"].split()}]


def read_os_release(file: Path = OS_RELEASE) -> dict[str, str]:
    lines = (line.partition("=") for line in file.read_text().splitlines())
    return {name: value.strip("\"'") for name, separator, value in lines if separator}


def read_sources(apt: Path = APT) -> list[Source]:
    """Read apt's configured sources in both formats."""
    found: list[Source] = []
    for file in (apt / "sources.list", *sorted((apt / "sources.list.d").glob("*.list"))):
        if file.exists():
            found += [source for line in file.read_text().splitlines() if (source := parse_line(line))]
    for file in sorted((apt / "sources.list.d").glob("*.sources")):
        found += [source for stanza in re.split(r"\n\s*\n", file.read_text()) if (source := parse_stanza(stanza))]
    return found


def parse_line(line: str) -> Source | None:
    """Parse a line of `sources.list`; None for a comment, for sources of source packages, and for anything else."""
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
    """Parse a stanza of a `.sources` file; None where it is disabled, incomplete, or has no binary packages."""
    source: Source = {}
    last = ""
    for line in stanza.splitlines():
        if line.startswith("#") or not line.strip():
            continue
        if line[0].isspace():
            # A value that goes on, such as a key written into the file.
            if last:
                source[last] += f"\n{line}"
            continue
        last, _, value = line.partition(":")
        source[last] = value.strip()
    if "deb" not in source.get("Types", "").split() or source.get("Enabled", "yes").lower() in ("no", "false", "0"):
        return None
    return {**source, "Types": "deb"} if {"URIs", "Suites", "Components"} <= source.keys() else None


def is_of_distribution(source: Source, codename: str) -> bool:
    """Tell whether the source is the distribution's own archive, not a third party's whose suites have its names."""
    archive = source["URIs"].split()[0].rstrip("/").rpartition("/")[2].removesuffix(".list")
    components = {"main", "universe"} & set(source["Components"].split())
    suites = [suite for suite in source["Suites"].split() if suite.split("-", maxsplit=1)[0] in {codename, *ALIASES}]
    return bool(codename and archive in ARCHIVES and components and suites)


def as_deb822(sources: Iterable[Source]) -> str:
    """Return the text of a `.sources` file."""
    stanzas = ("\n".join(f"{name}: {value}" for name, value in source.items()) for source in sources)
    return "\n\n".join(stanzas) + "\n"
