"""Reports known vulnerabilities in what the locks and set-up install. Run by `make audit`.

Three answers are possible, and only the first is a success: no known vulnerability; vulnerabilities, by package; nobody
could be asked. pip-audit alone counts a package that its service does not know as one without vulnerabilities.
"""

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deploy.local import setup, stages
from deploy.local.binaries import CHECKOUT, SERVERS
from deploy.local.packages import Packages, PackagesMissing
from deploy.supply.lock import Pin, read_lock

LOCK = CHECKOUT / "requirements-audit.lock"
PIP_AUDIT = stages.VENV / "bin" / "pip-audit"
SERVICES = ("pypi", "osv")
"""The services that pip-audit may ask, in this order; the second is asked if the first cannot answer."""


class Unanswered(Exception):
    """No service said whether the packages have known vulnerabilities."""


class Unknown(Unanswered):
    """A service does not know a package. Another service need not know it either, but does not say so."""


@dataclass(frozen=True)
class Finding:
    """A known vulnerability of a locked package."""

    package: str
    id: str
    fixed_in: str

    def __str__(self) -> str:
        return f"{self.package}: {self.id}, " + (f"fixed in {self.fixed_in}" if self.fixed_in else "not fixed yet")


def main() -> int:
    stages.STAMPS.mkdir(parents=True, exist_ok=True)
    bad = False
    try:
        install_pip_audit()
        pins = {pin for lock in sorted(CHECKOUT.glob("requirements*.lock")) for pin in read_lock(lock)}
        bad |= report_packages(pins)
        bad |= report_servers()
    except (stages.SetUpFailed, PackagesMissing) as error:
        return setup.fail(str(error))
    return int(bad)


def report_packages(pins: Iterable[Pin]) -> bool:
    """Print the vulnerabilities of Python packages; return whether there are any, or nobody could say."""
    pins = [*pins]
    if not pins:
        print("audit: Python packages: NOT AUDITED: the lock files name none")
        return True
    try:
        findings = audit(pins)
    except Unanswered as error:
        print(f"audit: Python packages: NOT AUDITED: {error}")
        print("audit: run `make audit` where one of the services of pip-audit can be reached")
        return True
    for finding in findings:
        print(f"audit: {finding}")
    print(f"audit: Python packages: {len(findings)} known vulnerabilities in {len(pins)} releases")
    return bool(findings)


def audit(pins: Sequence[Pin], services: Sequence[str] = SERVICES) -> list[Finding]:
    """Return the known vulnerabilities. Raises Unanswered."""
    reasons: list[str] = []
    for service in services:
        try:
            return sorted({*_ask(service, pins)}, key=str)
        except Unknown:
            raise
        except Unanswered as error:
            reasons.append(str(error))
    raise Unanswered("; ".join(reasons))


def _ask(service: str, pins: Sequence[Pin]) -> Iterator[Finding]:
    with tempfile.TemporaryDirectory() as folder:
        for number, batch in enumerate(_without_duplicates(pins)):
            file = Path(folder, f"{number}.txt")
            file.write_text("".join(f"{pin.name}=={pin.version}\n" for pin in batch))
            yield from read_answer(service, batch, *_run_pip_audit(service, file))


def _without_duplicates(pins: Iterable[Pin]) -> list[list[Pin]]:
    """Divide pins into lists that contain each name once: pip-audit accepts no others."""
    batches: list[list[Pin]] = []
    names: list[set[str]] = []
    for pin in sorted(pins):
        place = next((number for number, known in enumerate(names) if pin.name not in known), len(batches))
        if place == len(batches):
            batches.append([])
            names.append(set())
        batches[place].append(pin)
        names[place].add(pin.name)
    return batches


def _run_pip_audit(service: str, file: Path) -> tuple[str, str]:
    options = ("--vulnerability-service", service, "--disable-pip", "--no-deps", "--format", "json")
    command = [PIP_AUDIT, *options, "--progress-spinner", "off", "--requirement", file]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False)
    return done.stdout, done.stderr


def read_answer(service: str, asked: Sequence[Pin], output: str, errors: str) -> Iterator[Finding]:
    """Yield the vulnerabilities in the output of pip-audit. Raises Unanswered, also if a single package is missing."""
    try:
        packages: list[dict[str, Any]] = json.loads(output)["dependencies"]
    except ValueError:
        reason = next(iter(re.findall(r"\b\w+Error\b", errors)), "no answer")
        raise Unanswered(f"{service} could not be asked ({reason})") from None
    skipped = [package["name"] for package in packages if "skip_reason" in package]
    if skipped:
        some = ", ".join(skipped[:3]) + (", ..." if len(skipped) > 3 else "")
        raise Unknown(f"{service} does not know {len(skipped)} of {len(packages)} packages ({some})")
    answered = {(package["name"], package["version"]) for package in packages}
    if missing := sorted(pin.name for pin in asked if (pin.name, pin.version) not in answered):
        raise Unknown(f"{service} said nothing of {len(missing)} of {len(asked)} packages ({missing[0]})")
    for package in packages:
        for found in package["vulns"]:
            fixed = " or ".join(found["fix_versions"])
            yield Finding(f"{package['name']} {package['version']}", found["id"], fixed)


def report_servers() -> bool:
    """Print which unpacked servers have newer packages; return whether there are any."""
    folders = [folder for folder in sorted(SERVERS.glob("*")) if (folder / Packages.CONTENT).exists()]
    if not folders:
        print("audit: servers: not checked, because none was unpacked: they come from PATH or from wheels")
        return False
    outdated: list[str] = []
    with (
        Packages(stages.FAIRDB / "audit" / "apt") as newest,
        Packages(stages.FAIRDB / "audit" / "apt-older", older=True) as older,
    ):
        for folder in folders:
            outdated += (older if folder.name == "consul" else newest).outdated(folder)
    for line in outdated:
        print(f"audit: {line}: run `make update-servers`")
    print(f"audit: servers from the system's packages: {len(outdated)} outdated packages in {len(folders)} servers")
    return bool(outdated)


def install_pip_audit() -> None:
    def install() -> None:
        stages.call("requirements-audit", [*stages.pip("install"), "--require-hashes", "-r", str(LOCK)])

    inputs = [stages.digest([LOCK, setup.LOCK]), sys.version, str(stages.VENV)]
    note = "installing the libraries of requirements-audit.lock"
    stages.stage("requirements-audit", inputs, install, present=[PIP_AUDIT], note=note, stamps=stages.VENV)


if __name__ == "__main__":
    sys.exit(main())
