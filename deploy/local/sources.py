"""Apt's sources: reads the system's, selects the distribution's own archives, derives those of an older suite.

Standard library only: this runs before a virtual environment exists.
"""

import re
from collections.abc import Iterable
from pathlib import Path

APT = Path("/etc/apt")
OS_RELEASE = Path("/etc/os-release")
# The last suite of each distribution that has a Consul under a free licence.
SUITE_WITH_CONSUL = {"debian": "bullseye", "ubuntu": "jammy"}
ARCHIVES = {"debian", "debian-security", "ubuntu", "ubuntu-ports"}
# Suite names that refer to a different release after each new release of Debian.
ALIASES = {"stable", "oldstable", "testing", "unstable"}
FIELDS = {"signed-by": "Signed-By", "arch": "Architectures", "trusted": "Trusted"}
LEGACY_LINE = re.compile(r"^deb\s+(?:\[(?P<options>[^\]]*)\]\s+)?(?P<uri>\S+)\s+(?P<suite>\S+)\s+(?P<components>.+)$")

# One source entry: the field names and values of apt's deb822 format.
Source = dict[str, str]


class NoArchive(Exception):
    """Apt's sources contain no Debian or Ubuntu archive."""


def distribution_sources(apt: Path = APT, os_release: Path = OS_RELEASE) -> list[Source]:
    """Return the system's sources that belong to its distribution. Raises NoArchive."""
    codename = read_os_release(os_release).get("VERSION_CODENAME", "")
    own = [source for source in read_sources(apt) if is_of_distribution(source, codename)]
    if not own:
        raise NoArchive
    return own


def older_sources(own: Iterable[Source], os_release: Path = OS_RELEASE) -> list[Source]:
    """Return the same archives with the suite that includes Consul, leaving out update and security suites."""
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
    """Read apt's sources in both formats, `.list` and `.sources`."""
    found: list[Source] = []
    for file in (apt / "sources.list", *sorted((apt / "sources.list.d").glob("*.list"))):
        if file.exists():
            found += [source for line in file.read_text().splitlines() if (source := parse_line(line))]
    for file in sorted((apt / "sources.list.d").glob("*.sources")):
        found += [source for stanza in re.split(r"\n\s*\n", file.read_text()) if (source := parse_stanza(stanza))]
    return found


def parse_line(line: str) -> Source | None:
    """Parse a line of `sources.list`; None unless it is a source of binary packages."""
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
    """Parse a stanza of a `.sources` file; None if it is disabled, incomplete, or without binary packages."""
    source: Source = {}
    last = ""
    for line in stanza.splitlines():
        if line.startswith("#") or not line.strip():
            continue
        if line[0].isspace():
            # A continuation line, for example of an embedded key.
            if last:
                source[last] += f"\n{line}"
            continue
        last, _, value = line.partition(":")
        source[last] = value.strip()
    if "deb" not in source.get("Types", "").split() or source.get("Enabled", "yes").lower() in ("no", "false", "0"):
        return None
    return {**source, "Types": "deb"} if {"URIs", "Suites", "Components"} <= source.keys() else None


def is_of_distribution(source: Source, codename: str) -> bool:
    """Return whether the source is the distribution's own archive, not a third party's with the same suite names."""
    archive = source["URIs"].split()[0].rstrip("/").rpartition("/")[2].removesuffix(".list")
    components = {"main", "universe"} & set(source["Components"].split())
    suites = [suite for suite in source["Suites"].split() if suite.split("-", maxsplit=1)[0] in {codename, *ALIASES}]
    return bool(codename and archive in ARCHIVES and components and suites)


def as_deb822(sources: Iterable[Source]) -> str:
    """Return the text of a `.sources` file."""
    stanzas = ("\n".join(f"{name}: {value}" for name, value in source.items()) for source in sources)
    return "\n\n".join(stanzas) + "\n"
