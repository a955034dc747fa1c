"""Packages that real apt downloads from a fake archive, and how they are unpacked."""

import subprocess
from pathlib import Path

import pytest

from deploy.local.binaries import library_path
from deploy.local.packages import Packages, PackagesMissing, erlang_packages, missing_dependencies, relocate
from tests.unit.deploy.archive import Archive

PROGRAM = "#!/bin/sh\nexit 0\n"


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return Archive(tmp_path / "archive")


def packages_of(archive: Archive, tmp_path: Path, *, older: bool = False) -> Packages:
    return Packages(tmp_path / "scratch", older=older, apt=archive.apt, os_release=archive.os_release)


def test_unpacked_package_replaces_the_folder(archive: Archive, tmp_path: Path) -> None:
    archive.add("madeup", {"usr/bin/madeup": PROGRAM})
    archive.publish()
    into = tmp_path / "into"
    into.mkdir()
    (into / "old").touch()
    with packages_of(archive, tmp_path) as packages:
        packages.unpack(["madeup"], into)
    assert (into / "usr/bin/madeup").read_text() == PROGRAM
    assert not (into / "old").exists()
    assert not (tmp_path / "scratch").exists()


def test_outdated_names_packages_with_a_newer_version(archive: Archive, tmp_path: Path) -> None:
    archive.add("madeup", {"usr/bin/madeup": PROGRAM})
    archive.add("other", {"usr/bin/other": PROGRAM})
    archive.publish()
    into = tmp_path / "into"
    with packages_of(archive, tmp_path) as packages:
        packages.unpack(["madeup", "other"], into)
        assert packages.outdated(into) == []
    archive.add("madeup", {"usr/bin/madeup": PROGRAM}, version="99:1+deb12u1")
    archive.publish()
    with packages_of(archive, tmp_path) as packages:
        assert packages.outdated(into) == ["madeup 99:1 of into is older than 99:1+deb12u1"]


def test_redis_includes_the_libraries_that_the_system_lacks(archive: Archive, tmp_path: Path) -> None:
    archive.add("redis-server", {"usr/bin/redis-server": PROGRAM}, depends="libmadeup1, adduser, base-files")
    archive.add("libmadeup1", {"usr/lib/somewhere/libmadeup.so.1": ""})
    archive.add("adduser", {"usr/sbin/adduser": PROGRAM})
    archive.publish()
    with packages_of(archive, tmp_path) as packages:
        packages.unpack(["redis-server"], tmp_path / "into")
    assert library_path(tmp_path / "into") == {"LD_LIBRARY_PATH": str(tmp_path / "into/usr/lib/somewhere")}
    assert not (tmp_path / "into/usr/sbin").exists()


def test_valkey_is_used_when_there_is_no_redis(archive: Archive, tmp_path: Path) -> None:
    archive.add("valkey-server", {"usr/bin/valkey-server": PROGRAM})
    archive.publish()
    with packages_of(archive, tmp_path) as packages:
        packages.unpack(["redis-server"], tmp_path / "into")
    assert (tmp_path / "into/usr/bin/valkey-server").exists()


def test_older_suite_has_packages_that_the_current_one_lacks(archive: Archive, tmp_path: Path) -> None:
    archive.add("madeup", {"usr/bin/present": PROGRAM})
    archive.add("oldmadeup", {"usr/bin/old": PROGRAM}, suite="bullseye")
    archive.publish()
    with pytest.raises(PackagesMissing, match="oldmadeup"), packages_of(archive, tmp_path) as packages:
        packages.unpack(["oldmadeup"], tmp_path / "into")
    with packages_of(archive, tmp_path, older=True) as packages:
        packages.unpack(["oldmadeup"], tmp_path / "into")
    assert (tmp_path / "into/usr/bin/old").exists()


def test_package_with_wrong_checksum_is_rejected(archive: Archive, tmp_path: Path) -> None:
    deb = archive.add("madeup", {"usr/bin/madeup": PROGRAM})
    archive.publish()
    content = bytearray(deb.read_bytes())
    content[-1] ^= 1
    deb.write_bytes(content)
    with (
        pytest.raises(PackagesMissing, match="install madeup manually") as refused,
        packages_of(archive, tmp_path) as packages,
    ):
        packages.unpack(["madeup"], tmp_path / "into")
    assert "Hash Sum mismatch" in refused.value.reason
    assert not (tmp_path / "into").exists()


def test_failure_keeps_the_earlier_folder(archive: Archive, tmp_path: Path) -> None:
    archive.add("madeup", {"usr/bin/madeup": PROGRAM})
    archive.publish()
    with packages_of(archive, tmp_path) as packages:
        packages.unpack(["madeup"], tmp_path / "into")
        with pytest.raises(PackagesMissing, match="install absent manually and make sure that PATH") as missing:
            packages.unpack(["absent"], tmp_path / "into")
    assert "Unable to locate package absent" in missing.value.reason
    assert (tmp_path / "into/usr/bin/madeup").exists()


def test_source_that_cannot_be_loaded_is_an_error(archive: Archive, tmp_path: Path) -> None:
    archive.add("madeup", {"usr/bin/madeup": PROGRAM})
    archive.publish("deb [trusted=yes] {uri} bookworm main\ndeb [trusted=yes] {uri} bookworm-updates main\n")
    with pytest.raises(PackagesMissing, match="bookworm-updates"), packages_of(archive, tmp_path) as packages:
        packages.unpack(["madeup"], tmp_path / "into")


def test_unsigned_archive_is_rejected(archive: Archive, tmp_path: Path) -> None:
    archive.add("madeup", {"usr/bin/madeup": PROGRAM})
    archive.publish("deb {uri} bookworm main\n")
    with pytest.raises(PackagesMissing, match="not signed"), packages_of(archive, tmp_path) as packages:
        packages.unpack(["madeup"], tmp_path / "into")


def test_error_without_a_distribution_archive_names_the_packages_to_install(archive: Archive, tmp_path: Path) -> None:
    archive.publish("deb https://packages.example.org/apt stable main\n")
    with pytest.raises(PackagesMissing, match=r"no Debian or Ubuntu archive.*install consul and madeup manually"):
        packages_of(archive, tmp_path).unpack(["consul", "madeup"], tmp_path / "into")


def test_error_without_apt_names_the_package_to_install(
    archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(PackagesMissing, match="does not have apt and dpkg: install consul manually"):
        packages_of(archive, tmp_path).unpack(["consul"], tmp_path / "into")


def test_missing_dependencies_are_those_that_apt_would_install() -> None:
    simulation = """\
Reading package lists...
The following NEW packages will be installed:
  adduser liblzf1 redis-server
Inst adduser (3.134 Debian:12/stable [all])
Inst liblzf1 (3.6-3 Debian:12/stable [amd64])
Inst libssl3 [3.0.15-1] (3.0.16-1 Debian:12/stable [amd64])
Inst redis-server (5:7.0.15-1 Debian:12/stable [amd64])
Conf liblzf1 (3.6-3 Debian:12/stable [amd64])
"""
    assert missing_dependencies(simulation) == ["liblzf1", "libssl3", "redis-server"]


def test_erlang_packages_exclude_other_builds_and_architectures() -> None:
    answer = """\
rabbitmq-server
  Depends: adduser
 |Depends: erlang-base
  Depends: <erlang-base-hipe>
erlang-ssl
erlang-base
erlang-base-hipe
erlang-crypto:i386
erlang-base
libssl3
"""
    assert erlang_packages(answer) == ["erlang-base", "erlang-ssl"]


def test_erlang_and_rabbitmq_work_in_a_folder_with_spaces(tmp_path: Path) -> None:
    fresh, into = tmp_path / "fresh", tmp_path / "with space"
    erl = fresh / "usr/lib/erlang/bin/erl"
    env = fresh / "usr/lib/rabbitmq/lib/rabbitmq_server-4.0.5/sbin/rabbitmq-env"
    for script in (erl, env):
        script.parent.mkdir(parents=True)
    erl.write_text('#!/bin/sh\nROOTDIR=/usr/lib/erlang\necho "$ROOTDIR"\n')
    env.write_text(
        "SCRIPT_PATH=$0\nRABBITMQ_SCRIPTS_DIR=`dirname $SCRIPT_PATH`\n. ${RABBITMQ_SCRIPTS_DIR}/rabbitmq-defaults\n"
    )
    (env.parent / "rabbitmq-defaults").write_text("echo the defaults\n")
    relocate(fresh, into)
    fresh.rename(into)
    printed = [
        subprocess.run(["sh", into / script.relative_to(fresh)], capture_output=True, text=True, check=True).stdout
        for script in (erl, env)
    ]
    assert printed == [f"{into}/usr/lib/erlang\n", "the defaults\n"]


def test_unused_rabbitmq_plugins_are_removed(tmp_path: Path) -> None:
    plugins = tmp_path / "usr/lib/rabbitmq/lib/rabbitmq_server-4.0.5/plugins"
    for name in ("rabbitmq_management", "rabbitmq_prelaunch", "rabbitmq_auth_mechanism_ssl"):
        (plugins / f"{name}-4.0.5").mkdir(parents=True)
    for file in ("rabbitmq_web_stomp-4.0.5.ez", "ra-2.0.ez"):
        (plugins / file).touch()
    relocate(tmp_path, tmp_path)
    kept = ["ra-2.0.ez", "rabbitmq_auth_mechanism_ssl-4.0.5", "rabbitmq_prelaunch-4.0.5"]
    assert sorted(file.name for file in plugins.iterdir()) == kept
