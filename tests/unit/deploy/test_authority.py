"""The local authority: what it issues, renews and forgets."""

import asyncio
import os
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from chassis.identity.certificates import (
    AUTHORITIES,
    CERTIFICATE,
    KEY,
    Certificate,
    CertificateInvalid,
    Certificates,
    spiffe_id,
)
from chassis.tasks import cancel
from deploy.local.authority import HOLDERS, LIFETIME, Authority
from deploy.local.layout import Layout
from deploy.local.renewal import renew
from tests.waiting import eventually

LOOPBACK = ip_address("127.0.0.1")


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    layout = Layout(tmp_path)
    layout.create()
    authority = Authority(layout)
    authority.issue_missing()
    return authority


@pytest.mark.parametrize("holder", HOLDERS)
def test_certificate_names_its_holder_and_verifies(authority: Authority, holder: str) -> None:
    held = Certificate.read(authority.folder(holder))
    leaf = x509.load_pem_x509_certificate(held.chain)
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.UniformResourceIdentifier) == [spiffe_id(holder)]
    leaf.verify_directly_issued_by(x509.load_pem_x509_certificate(held.authorities))


@pytest.mark.parametrize(
    ("holder", "host", "other"),
    [
        ("rabbitmq", x509.DNSName("localhost"), x509.IPAddress(LOOPBACK)),
        ("consul", x509.IPAddress(LOOPBACK), x509.DNSName("localhost")),
    ],
)
def test_server_certificate_passes_strict_verification_for_its_own_host_only(
    authority: Authority, holder: str, host: x509.DNSName, other: x509.DNSName
) -> None:
    held = Certificate.read(authority.folder(holder))
    leaf = x509.load_pem_x509_certificate(held.chain)
    store = PolicyBuilder().store(Store(x509.load_pem_x509_certificates(held.authorities)))
    assert len(store.build_server_verifier(host).verify(leaf, [])) == 2
    with pytest.raises(VerificationError):
        store.build_server_verifier(other).verify(leaf, [])


def test_key_is_readable_only_by_its_owner(authority: Authority) -> None:
    for holder in HOLDERS:
        assert (authority.folder(holder) / KEY).stat().st_mode & 0o777 == 0o400
        assert authority.folder(holder).resolve().stat().st_mode & 0o777 == 0o711


def test_fresh_certificate_stays(authority: Authority) -> None:
    before = Certificate.read(authority.folder("gateway"))
    authority.issue_missing()
    assert Certificate.read(authority.folder("gateway")) == before


def test_certificate_is_renewed_when_a_third_of_its_life_is_over(authority: Authority) -> None:
    before = Certificate.read(authority.folder("gateway"))
    authority.issue("gateway", LIFETIME * 0.6)
    assert authority.due("gateway")
    authority.issue_missing()
    after = Certificate.read(authority.folder("gateway"))
    assert not authority.due("gateway")
    assert authority.due("gateway", LIFETIME / 2)  # the operator wants a shorter one
    assert after.key != before.key


@pytest.mark.parametrize("damage", [CERTIFICATE, KEY, AUTHORITIES])
def test_damaged_certificate_is_refused_and_replaced(authority: Authority, damage: str) -> None:
    file = authority.folder("gateway") / damage
    file.chmod(0o600)
    file.write_text("-----BEGIN NOTHING-----")
    with pytest.raises(CertificateInvalid):
        Certificate.read(authority.folder("gateway"))
    authority.issue_missing()
    Certificate.read(authority.folder("gateway"))


def test_key_that_its_holder_has_made_huge_is_replaced_and_not_read(authority: Authority) -> None:
    key = authority.folder("gateway") / KEY
    key.chmod(0o600)
    os.truncate(key, 1 << 40)
    authority.issue_missing()
    Certificate.read(authority.folder("gateway"))


def test_deleted_key_of_the_authority_makes_a_new_authority(authority: Authority) -> None:
    before = authority.certificate.read_bytes()
    (authority.layout.secrets / "authority.key.pem").unlink()
    authority.issue_missing()
    held = Certificate.read(authority.folder("gateway"))
    assert held.authorities == authority.certificate.read_bytes() != before
    assert not authority.due("gateway")


async def test_renewal_goes_on_after_any_error_and_reloads_consul_after_every_change(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    due, reloads, renewed = Authority.due, list[Path](), set[str]()

    class Server:
        name = "consul"

        async def reload(self) -> None:
            reloads.append(authority.folder("consul").resolve())

    def broken(self: Authority, holder: str, lifetime: timedelta) -> bool:
        if holder == "auth_svc":
            raise MemoryError
        renewed.add(holder)
        return due(self, holder, lifetime)

    async def has_reloaded() -> bool:
        return reloads[-1:] == [authority.folder("consul").resolve()]

    monkeypatch.setattr(Authority, "due", broken)
    running = asyncio.create_task(renew(authority, timedelta(seconds=3), Server()))  # pyright: ignore[reportArgumentType]
    await eventually(has_reloaded)
    # As `make certs` does.
    authority.issue("consul", timedelta(seconds=3))
    await eventually(has_reloaded)
    await cancel(running)
    assert renewed == {*HOLDERS} - {"auth_svc"}


def test_reader_keeps_the_old_certificate_until_the_new_one_is_whole(authority: Authority) -> None:
    reader = Certificates(authority.folder("gateway"))
    before = reader.current
    authority.issue("gateway")
    key = authority.folder("gateway") / KEY
    whole = key.read_bytes()
    key.chmod(0o600)
    key.write_bytes(before.key)  # the key of the certificate before
    assert not reader.refresh()
    assert reader.current == before
    key.write_bytes(whole)
    assert reader.refresh()
    assert reader.current == Certificate.read(authority.folder("gateway")) != before
