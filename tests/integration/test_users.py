"""The users of a constellation: each component has its own when we are root, and strangers read and reach nothing."""

import os
import stat
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest
import pytest_asyncio

from deploy.local.constellation import Constellation
from deploy.local.plan import COMPONENTS
from deploy.local.ports import Ports
from deploy.local.privileges import Account, prefix
from deploy.local.users import GROUP, Users

NOBODY = 65534
OURS = ("authority",)
"""What runs as the user who started the platform: it has the authority's key."""
TRY = """
import os, socket, sys
for path in sys.argv[1:]:
    try:
        if path.startswith("unix:"):
            socket.socket(socket.AF_UNIX).connect(path[5:])
        elif os.path.isdir(path):
            os.listdir(path)
        else:
            open(path, "rb").read()
    except PermissionError:
        continue
    print(path)
"""


@pytest_asyncio.fixture(scope="module")
async def constellation(open_folder: Path) -> AsyncIterator[Constellation]:
    # Modes must not depend on the umask, nor on those that folders and files have from an earlier release.
    before = os.umask(0)
    try:
        (open_folder / "up" / "logs").mkdir(parents=True)
        (open_folder / "up" / "lock").touch()
        async with Constellation(open_folder / "up", Ports.free()) as running:
            os.umask(before)
            yield running
    finally:
        os.umask(before)


def test_each_component_has_its_own_user(constellation: Constellation) -> None:
    users = {component: psutil.Process(constellation.pid(component)).uids().real for component in COMPONENTS}
    if not Users.of(constellation.layout).separate:
        # An ordinary user, or a checkout that others cannot enter.
        assert set(users.values()) - {users["postgres"]} <= {os.geteuid()}
        return
    own = {component: user for component, user in users.items() if component not in (*OURS, "edge_agent")}
    assert len(set(own.values())) == len(own)
    assert min(own.values()) > GROUP
    assert users["edge_agent"] == users["envoy"]
    assert {users[component] for component in OURS} == {os.geteuid()}


def test_secrets_are_closed_to_everybody_but_their_owner(constellation: Constellation) -> None:
    layout = constellation.layout
    secrets = [*layout.secrets.iterdir(), *layout.certificates.glob("*/tls.key")]
    assert len(secrets) > 20
    for path in secrets:
        assert stat.S_IMODE(path.stat().st_mode) == 0o400, path
    users = Users.of(layout)
    if users.separate:
        for service in ("auth_svc", "gateway"):
            account = users.account(service)
            assert account is not None
            assert (layout.secrets / f"{service}.key.pem").stat().st_uid == account.uid
            assert (layout.certificates / service / "tls.key").stat().st_uid == account.uid
        assert (layout.secrets / "authority.key.pem").stat().st_uid == 0


@pytest.mark.parametrize("stranger", ["nobody", "gateway", "redis", "envoy"])
def test_stranger_reads_no_secret_and_no_state(constellation: Constellation, stranger: str) -> None:
    layout, users = constellation.layout, Users.of(constellation.layout)
    if not users.separate:
        # Then all components are one user, and only the modes protect, which the test above checks.
        assert users.account(stranger) is None
        return
    account = users.account(stranger)
    number = NOBODY if account is None else account.uid
    others = [path for path in layout.secrets.iterdir() if path.stat().st_uid != number]
    others += [path for path in layout.certificates.glob("*/tls.key") if path.stat().st_uid != number]
    states = [layout.state(name) for name in ("postgres", "redis", "rabbitmq", "consul", "envoy")]
    others += [layout.secrets, *(path for path in states if path.stat().st_uid != number)]
    others += [layout.state("postgres") / "data"]
    attempts = list(map(str, others))
    if account is None:
        attempts += [
            f"unix:{layout.state('postgres')}/socket/.s.PGSQL.5432",
            f"unix:{layout.state('redis')}/socket/redis.sock",
        ]
    done = subprocess.run(
        [*prefix(None, Account(number, number)), sys.executable, "-c", TRY, *attempts],
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
        cwd="/",
    )
    assert done.stdout == ""


def test_strangers_can_open_only_public_keys_and_certificates(constellation: Constellation) -> None:
    layout = constellation.layout
    opened = {path for path in layout.root.rglob("*") if is_open(path, layout.root, stat.S_IRWXO)}
    assert {path for path in opened if path.suffix != ".crt" and path.parent != layout.trust} == set()
    assert layout.certificates / "ca.crt" in opened
    # The services' common group also reaches the sockets of servers.
    shared = {path for path in layout.root.rglob("*") if is_open(path, layout.root, stat.S_IRWXG)} - opened
    assert all(path.is_socket() for path in shared)


def is_open(path: Path, root: Path, who: int) -> bool:
    """Return whether others or the group, as the bits `who` say, may read or write a file, or change a folder."""
    if path.is_symlink() or not path.exists():
        return False
    folders = path.relative_to(root).parents
    if not all((root / folder).stat().st_mode & who & 0o111 for folder in folders):
        return False
    mode = path.stat().st_mode & who
    return bool(mode & (0o222 if path.is_dir() else 0o666))


@pytest.mark.parametrize("name", ["lock", "run.json"])
def test_strangers_can_neither_lock_the_platform_nor_name_processes_to_stop(
    constellation: Constellation, name: str
) -> None:
    assert stat.S_IMODE((constellation.layout.root / name).stat().st_mode) == 0o600
