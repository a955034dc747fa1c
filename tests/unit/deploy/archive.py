"""A fake package archive in a folder, which real apt reads through a `file:` URL, and sources that refer to it."""

import hashlib
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

OS_RELEASE = 'ID=debian\nVERSION_CODENAME=bookworm\nPRETTY_NAME="Debian"\n'


@dataclass
class Archive:
    """An unsigned archive. Its source entry must say `trusted=yes`."""

    root: Path
    stanzas: dict[str, list[str]] = field(default_factory=dict[str, list[str]])

    @property
    def folder(self) -> Path:
        return self.root / "debian"

    @property
    def apt(self) -> Path:
        return self.root / "etc-apt"

    @property
    def os_release(self) -> Path:
        return self.root / "os-release"

    def add(
        self, name: str, files: dict[str, str], depends: str = "", suite: str = "bookworm", version: str = "99:1"
    ) -> Path:
        """Build a package of executable files and return its path. It is newer than any that is installed."""
        tree = self.root / "build" / name
        for path, text in files.items():
            file = tree / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
            file.chmod(0o755)
        control = f"Package: {name}\nVersion: {version}\nArchitecture: all\nMaintainer: Nobody <nobody@example.org>\n"
        control += f"Depends: {depends}\n" if depends else ""
        (tree / "DEBIAN").mkdir(parents=True, exist_ok=True)
        (tree / "DEBIAN" / "control").write_text(f"{control}Description: made up\n")
        deb = self.folder / "pool" / f"{name}_{version.replace(':', '.')}_all.deb"
        deb.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(["dpkg-deb", "--root-owner-group", "--build", tree, deb], check=True, capture_output=True)
        where = f"Filename: pool/{deb.name}\nSize: {deb.stat().st_size}\nSHA256: {sha256(deb.read_bytes())}\n"
        self.stanzas.setdefault(suite, []).append(f"{control}{where}Description: made up\n")
        return deb

    def publish(self, sources: str = "deb [trusted=yes] {uri} bookworm main\n") -> None:
        """Write the indexes, and the sources and os-release of a system that uses them."""
        for suite, stanzas in self.stanzas.items():
            index = self.folder / "dists" / suite / "main/binary-all/Packages"
            index.parent.mkdir(parents=True, exist_ok=True)
            index.write_text("\n".join(stanzas))
            entry = f" {sha256(index.read_bytes())} {index.stat().st_size} main/binary-all/Packages\n"
            release = f"Suite: {suite}\nCodename: {suite}\nComponents: main\nArchitectures: all\nSHA256:\n{entry}"
            (self.folder / "dists" / suite / "Release").write_text(release)
        (self.apt / "sources.list.d").mkdir(parents=True, exist_ok=True)
        (self.apt / "sources.list").write_text(sources.format(uri=f"file:{self.folder}"))
        self.os_release.write_text(OS_RELEASE)


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
