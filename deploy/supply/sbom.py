"""Writes the bill of materials of the wheel (CycloneDX): what it and its dependencies are. Run by `make sbom`.

Versions and hashes come from requirements.lock; licences and dependencies come from the packages' own metadata.
Packages that only the extra `tables` needs are optional. The same wheel and lock give the same bytes.
"""

import json
import os
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from hashlib import sha256
from importlib.metadata import Distribution, PathDistribution, distribution
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5
from zipfile import Path as ZipPath
from zipfile import ZipFile

from cyclonedx import spdx
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from deploy.local.binaries import CHECKOUT
from deploy.supply.lock import Pin, read_lock

LOCK = CHECKOUT / "requirements.lock"
VERSION = SchemaVersion.V1_6
Json = dict[str, Any]


class SbomFailed(Exception):
    """The bill of materials could not be written; the message says what to do."""


def main() -> int:
    folder = Path(sys.argv[1])
    try:
        wheels = [*folder.glob("fairdatabase-*.whl")]
        if len(wheels) != 1:
            raise SbomFailed(f"{folder} contains {len(wheels)} wheels: delete the old ones and run `make sbom` again")
        text = write_sbom(wheels[0], LOCK)
    except SbomFailed as error:
        print(f"sbom: {error}", file=sys.stderr)
        return 1
    file = wheels[0].with_suffix(".cdx.json")
    file.write_text(text)
    print(f"sbom: {file} is valid CycloneDX {VERSION.to_version()}")
    return 0


def write_sbom(wheel: Path, lock: Path) -> str:
    """Return the bill of materials as JSON. Raises SbomFailed, also if it is not valid CycloneDX."""
    pins: dict[str, list[Pin]] = {}
    for pin in read_lock(lock):
        pins.setdefault(pin.name, []).append(pin)
    with ZipFile(wheel) as archive:
        (metadata,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        product = PathDistribution(ZipPath(archive, metadata.removesuffix("METADATA")))
        text = json.dumps(describe(product, sha256(wheel.read_bytes()).hexdigest(), pins), indent=2) + "\n"
    error = JsonStrictValidator(VERSION).validate_str(text)
    if error is not None:
        raise SbomFailed(f"the bill of materials is not valid: {error}")
    return text


def describe(product: Distribution, digest: str, pins: Mapping[str, list[Pin]]) -> Json:
    """Return the bill of materials of a wheel with a SHA-256 digest."""
    names = {*required_by(product, {""})}
    optional = {*required_by(product, {"", *_headers(product, "Provides-Extra")})} - names
    required = closure(names)
    packages = required | closure(optional)
    edges = {product: names | optional} | {package: {*required_by(package, {""})} for package in packages.values()}
    python = f"{sys.version_info.major}.{sys.version_info.minor} on {sys.platform}"
    made = datetime.fromtimestamp(int(os.environ.get("SOURCE_DATE_EPOCH", "0")), UTC)
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": VERSION.to_version(),
        "serialNumber": uuid5(NAMESPACE_URL, digest).urn,
        "version": 1,
        "metadata": {
            "timestamp": made.isoformat(),
            "component": _component(product) | {"hashes": [_sha256(digest)]},
            "properties": [{"name": "fairdatabase:python", "value": python}],
        },
        "components": [
            _component(package)
            | {"scope": "required" if name in required else "optional"}
            | _distribution(package, pins.get(name, []))
            for name, package in sorted(packages.items())
        ],
        "dependencies": [
            {"ref": _purl(package), "dependsOn": [_purl(packages[name]) for name in sorted(needed)]}
            for package, needed in edges.items()
        ],
    }


def closure(names: set[str]) -> dict[str, Distribution]:
    """Return packages and all that they need, by name."""
    found: dict[str, Distribution] = {}
    waiting = [*names]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found[name] = distribution(name)
            waiting += required_by(found[name], {""})
    return found


def required_by(package: Distribution, extras: set[str]) -> Iterator[str]:
    """Yield the names of the packages that a package needs on this Python and system."""
    for line in package.requires or ():
        requirement = Requirement(line)
        if requirement.marker is None or any(requirement.marker.evaluate({"extra": extra}) for extra in extras):
            yield canonicalize_name(requirement.name)


def _purl(package: Distribution) -> str:
    return f"pkg:pypi/{canonicalize_name(package.name)}@{package.version}"


def _component(package: Distribution) -> Json:
    component: Json = {
        "type": "library",
        "bom-ref": _purl(package),
        "name": canonicalize_name(package.name),
        "version": package.version,
        "purl": _purl(package),
    }
    if summary := package.metadata["Summary"]:
        component["description"] = summary
    if licence := next(_licences(package), None):
        component["licenses"] = [licence]
    return component


def _distribution(package: Distribution, pins: list[Pin]) -> Json:
    """Return the hashes of the locked files. Any of them may be the one that is installed. Raises SbomFailed."""
    pin = next((pin for pin in pins if pin.version == package.version), None)
    if pin is None:
        raise SbomFailed(f"{package.name} {package.version} is installed, but not locked: run `make setup`")
    comment = "SHA-256 of each file of this release that may be installed"
    hashes = [_sha256(content) for content in pin.hashes]
    return {
        "externalReferences": [{"type": "distribution", "url": _purl(package), "comment": comment, "hashes": hashes}]
    }


def _sha256(content: str) -> Json:
    return {"alg": "SHA-256", "content": content}


def _licences(package: Distribution) -> Iterator[Json]:
    """Yield the licence of a package as its metadata states it, the most exact statement first."""
    for expression in _headers(package, "License-Expression"):
        yield {"expression": expression, "acknowledgement": "declared"}
    classifiers = [line for line in _headers(package, "Classifier") if line.startswith("License :: OSI Approved :: ")]
    for name in (*_headers(package, "License"), *(line.rpartition(" :: ")[2] for line in classifiers)):
        # A text of several lines is the licence itself, not its name.
        if "\n" not in name:
            id = spdx.fixup_id(name)
            yield {"license": {"id": id} if id else {"name": name}}


def _headers(package: Distribution, name: str) -> list[str]:
    return package.metadata.get_all(name) or []


if __name__ == "__main__":
    sys.exit(main())
