"""Apt's sources as found on real systems: both formats, options, comments, third parties; and the older suites."""

from pathlib import Path

import pytest

from deploy.local.sources import (
    NoArchive,
    as_deb822,
    distribution_sources,
    older_sources,
    parse_line,
    parse_stanza,
    read_sources,
)

DEBIAN = "http://mirror.example.org/debian"


@pytest.fixture
def system(tmp_path: Path) -> Path:
    (tmp_path / "sources.list.d").mkdir()
    return tmp_path


def os_release(folder: Path, text: str = "ID=debian\nVERSION_CODENAME=bookworm\n") -> Path:
    file = folder / "os-release"
    file.write_text(text)
    return file


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (f"deb {DEBIAN} bookworm main", {"Suites": "bookworm", "Components": "main"}),
        (f"deb  {DEBIAN}\tbookworm   main contrib # mine", {"Suites": "bookworm", "Components": "main contrib"}),
        (
            f"deb [arch=amd64,arm64 signed-by=/keys/a.gpg] {DEBIAN} bookworm main",
            {"Architectures": "amd64 arm64", "Signed-By": "/keys/a.gpg"},
        ),
        (f"deb [ trusted=yes ] {DEBIAN} bookworm main", {"Trusted": "yes"}),
        (f"deb [lang=none Signed-By=/keys/a.gpg] {DEBIAN} bookworm main", {"Signed-By": "/keys/a.gpg"}),
    ],
)
def test_line_is_read_with_its_options(line: str, expected: dict[str, str]) -> None:
    source = parse_line(line)
    assert source is not None
    assert source == {**source, **expected, "Types": "deb", "URIs": DEBIAN}
    assert "lang" not in source


@pytest.mark.parametrize(
    "line", ["", "# deb http://x/debian bookworm main", f"deb-src {DEBIAN} bookworm main", f"deb {DEBIAN} ./", "debs"]
)
def test_line_without_binary_packages_is_ignored(line: str) -> None:
    assert parse_line(line) is None


def test_stanza_keeps_an_embedded_key() -> None:
    source = parse_stanza(
        f"# comment\nTypes: deb deb-src\nURIs: {DEBIAN}\n# another\nSuites: bookworm sid\nComponents: main\n"
        "Signed-By:\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n mDMEZ\n"
    )
    assert source is not None
    assert source["Types"] == "deb"
    assert source["Signed-By"] == "\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n mDMEZ"
    assert parse_stanza(as_deb822([source])) == source


@pytest.mark.parametrize(
    "stanza",
    [
        f"Types: deb-src\nURIs: {DEBIAN}\nSuites: bookworm\nComponents: main",
        f"Types: deb\nEnabled: no\nURIs: {DEBIAN}\nSuites: bookworm\nComponents: main",
        f"Types: deb\nURIs: {DEBIAN}\nSuites: ./",
        " a continuation of nothing\nTypes: deb",
        "",
    ],
)
def test_disabled_or_incomplete_stanza_is_ignored(stanza: str) -> None:
    assert parse_stanza(stanza) is None


def test_all_files_of_both_formats_are_read(system: Path) -> None:
    (system / "sources.list").write_text(f"deb {DEBIAN} bookworm main\ndeb {DEBIAN} bookworm-updates main\n")
    (system / "sources.list.d/more.list").write_text(f"deb {DEBIAN} bookworm-backports main\n")
    (system / "sources.list.d/ignored.save").write_text(f"deb {DEBIAN} sid main\n")
    stanza = "Types: deb\nURIs: {0}\nSuites: {1}\nComponents: main\n"
    text = f"{stanza.format(DEBIAN, 'one')}\n  \n\n{stanza.format(DEBIAN, 'two')}"
    (system / "sources.list.d/debian.sources").write_text(text)
    suites = [source["Suites"] for source in read_sources(system)]
    assert suites == ["bookworm", "bookworm-updates", "bookworm-backports", "one", "two"]


@pytest.mark.parametrize(
    ("line", "is_ours"),
    [
        (f"deb {DEBIAN}/ bookworm main", True),
        ("deb http://mirror.example.org/debian-security bookworm-security main", True),
        ("deb mirror+file:/etc/apt/mirrors/debian.list bookworm main", True),
        (f"deb {DEBIAN} bookworm-updates contrib main non-free-firmware", True),
        (f"deb {DEBIAN} stable main", True),
        (f"deb {DEBIAN} bookworm contrib", False),
        (f"deb {DEBIAN} bookwormish main", False),
        (f"deb {DEBIAN} trixie main", False),
        ("deb https://packages.example.org/apt bookworm main", False),
        ("deb https://packages.example.org/postgresql bookworm-pgdg main", False),
    ],
)
def test_only_archives_of_the_distribution_are_selected(system: Path, line: str, is_ours: bool) -> None:
    (system / "sources.list").write_text(line)
    if is_ours:
        assert len(distribution_sources(system, os_release(system))) == 1
    else:
        with pytest.raises(NoArchive):
            distribution_sources(system, os_release(system))


def test_ubuntu_archives_include_universe_and_ports(system: Path) -> None:
    release = os_release(system, 'ID=ubuntu\nID_LIKE=debian\nVERSION_CODENAME="noble"\n')
    (system / "sources.list").write_text(
        "deb http://ports.example.org/ubuntu-ports noble main\n"
        "deb http://ports.example.org/ubuntu-ports noble universe\n"
    )
    own = distribution_sources(system, release)
    assert [(source["Suites"], source["Components"]) for source in older_sources(own, release)] == [
        ("jammy", "main"),
        ("jammy", "universe"),
    ]


def test_older_suite_replaces_the_base_suite_only(system: Path) -> None:
    own = [
        {"Types": "deb", "URIs": DEBIAN, "Suites": "bookworm bookworm-updates", "Components": "main", "Signed-By": "k"},
        {"Types": "deb", "URIs": f"{DEBIAN}-security", "Suites": "bookworm-security", "Components": "main"},
    ]
    older = older_sources(own, os_release(system))
    assert older == [{**own[0], "Suites": "bullseye"}]


def test_derivative_uses_the_older_suite_of_its_parent(system: Path) -> None:
    release = os_release(system, 'ID=madeup\nID_LIKE="something debian"\nVERSION_CODENAME=bookworm\n')
    own = [{"Types": "deb", "URIs": DEBIAN, "Suites": "bookworm", "Components": "main"}]
    assert [source["Suites"] for source in older_sources(own, release)] == ["bullseye"]
    with pytest.raises(NoArchive):
        older_sources(own, os_release(system, "ID=madeup\nVERSION_CODENAME=bookworm\n"))
