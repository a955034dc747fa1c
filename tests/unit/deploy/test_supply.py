"""The audit of locked packages says when it could not ask; the bill of materials names what the wheel needs."""

import json
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from zipfile import ZipFile

import pytest

from deploy.local.layout import CHECKOUT
from deploy.supply import audit, sbom
from deploy.supply.audit import Finding, Unanswered
from deploy.supply.lock import Pin, read_lock

HASHES = ("a" * 64, "b" * 64)
ANSWER = {
    "dependencies": [
        {"name": "good", "version": "1", "vulns": []},
        {"name": "bad", "version": "2", "vulns": [{"id": "PYSEC-1", "fix_versions": ["2.1", "3"]}]},
    ]
}
SKIPPED = {"dependencies": [{"name": "good", "skip_reason": "not found"}, {"name": "bad", "version": "2", "vulns": []}]}
PINS = [Pin("good", "1"), Pin("bad", "2")]


def test_lock_gives_each_release_with_its_hashes(tmp_path: Path) -> None:
    lock = tmp_path / "requirements.lock"
    lock.write_text(
        f"Big_Name[extra]==1.0 ; python_version < '3.12' \\\n    --hash=sha256:{HASHES[0]} \\\n"
        f"    --hash=sha256:{HASHES[1]}\nbig-name==2.0\n"
    )
    assert [*read_lock(lock)] == [Pin("big-name", "1.0", HASHES), Pin("big-name", "2.0")]


def test_every_lock_is_read() -> None:
    for lock in CHECKOUT.glob("requirements*.lock"):
        lines = [line for line in lock.read_text().splitlines() if "==" in line and not line.startswith(" ")]
        assert len([*read_lock(lock)]) == len(lines) > 0
        assert all(pin.hashes for pin in read_lock(lock)), lock


Answers = Callable[..., None]


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Answers:
    """Set what pip-audit prints for each service."""

    def give(**by_service: object) -> None:
        def run(service: str, file: Path) -> tuple[str, str]:
            answer = by_service[service]
            return (answer, "requests.exceptions.SSLError: no") if isinstance(answer, str) else (json.dumps(answer), "")

        monkeypatch.setattr(audit, "_run_pip_audit", run)

    return give


def test_vulnerability_is_named_with_the_release_that_fixes_it(
    answers: Answers, capsys: pytest.CaptureFixture[str]
) -> None:
    answers(pypi=ANSWER)
    assert audit.audit(PINS) == [Finding("bad 2", "PYSEC-1", "2.1 or 3")]
    assert audit.report_packages(PINS)
    assert "bad 2: PYSEC-1, fixed in 2.1 or 3" in capsys.readouterr().out


def test_other_service_is_asked_and_none_at_all_is_a_failure(
    answers: Answers, capsys: pytest.CaptureFixture[str]
) -> None:
    answers(pypi="", osv=ANSWER)
    assert len(audit.audit(PINS)) == 1
    answers(pypi="", osv="")
    with pytest.raises(Unanswered, match=r"pypi .* osv "):
        audit.audit(PINS)
    assert audit.report_packages(PINS)
    assert "NOT AUDITED" in capsys.readouterr().out


@pytest.mark.parametrize("answer", [SKIPPED, {"dependencies": []}], ids=["skipped", "missing"])
def test_unknown_package_is_a_failure_whatever_another_service_says(answers: Answers, answer: object) -> None:
    # OSV has no vulnerabilities of a package that it does not know.
    answers(pypi=answer, osv=ANSWER)
    with pytest.raises(Unanswered, match="pypi"):
        audit.audit(PINS)
    assert audit.report_packages(PINS)


def test_audit_of_nothing_is_a_failure() -> None:
    assert audit.report_packages([])


def test_all_releases_of_a_package_are_asked_for(answers: Answers, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def run(service: str, file: Path) -> tuple[str, str]:
        asked.append(file.read_text())
        pins = [line.split("==") for line in asked[-1].split()]
        return json.dumps(
            {"dependencies": [{"name": name, "version": version, "vulns": []} for name, version in pins]}
        ), ""

    monkeypatch.setattr(audit, "_run_pip_audit", run)
    audit.audit([Pin("a", "1"), Pin("a", "2"), Pin("b", "1")])
    assert asked == ["a==1\nb==1\n", "a==2\n"]


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    """A wheel that needs packages that are installed here."""
    file = tmp_path / "fairdatabase-9-py3-none-any.whl"
    with ZipFile(file, "w") as archive:
        archive.writestr(
            "fairdatabase-9.dist-info/METADATA",
            "Metadata-Version: 2.4\nName: fairdatabase\nVersion: 9\nLicense-Expression: Apache-2.0\n"
            "Provides-Extra: tables\nRequires-Dist: rich\nRequires-Dist: openpyxl; extra == 'tables'\n"
            "Requires-Dist: madeup; sys_platform == 'win32'\n",
        )
    return file


def test_bill_of_materials_names_the_wheel_and_all_that_it_needs(wheel: Path) -> None:
    bill = json.loads(sbom.write_sbom(wheel, sbom.LOCK))
    product = bill["metadata"]["component"]
    assert product["purl"] == "pkg:pypi/fairdatabase@9"
    assert product["hashes"] == [{"alg": "SHA-256", "content": sha256(wheel.read_bytes()).hexdigest()}]
    parts = {part["name"]: part for part in bill["components"]}
    assert parts.keys() == {"rich", "markdown-it-py", "mdurl", "pygments", "openpyxl", "et-xmlfile"}
    assert {name for name, part in parts.items() if part["scope"] == "optional"} == {"openpyxl", "et-xmlfile"}
    locked = {pin.name: pin for pin in read_lock(sbom.LOCK)}
    for name, part in parts.items():
        assert part["version"] == locked[name].version
        assert tuple(one["content"] for one in part["externalReferences"][0]["hashes"]) == locked[name].hashes
        assert part["licenses"]
    needs = {entry["ref"]: entry["dependsOn"] for entry in bill["dependencies"]}
    assert needs[product["bom-ref"]] == [parts["openpyxl"]["purl"], parts["rich"]["purl"]]
    assert sbom.write_sbom(wheel, sbom.LOCK) == json.dumps(bill, indent=2) + "\n"


def test_package_that_is_not_locked_is_refused(wheel: Path, tmp_path: Path) -> None:
    lock = tmp_path / "requirements.lock"
    lock.write_text("rich==0.1\n")
    with pytest.raises(sbom.SbomFailed, match="installed, but not locked"):
        sbom.write_sbom(wheel, lock)
