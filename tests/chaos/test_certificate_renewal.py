"""All certificates are renewed again and again under load. No request fails."""

import asyncio
import time
from collections import Counter

import httpx
import pytest
from cryptography import x509

from chassis.identity.certificates import Certificate
from deploy.local.authority import CLIENTS
from deploy.local.constellation import Constellation
from deploy.local.ports import Ports
from deploy.local.renewal import LIFETIME_VARIABLE
from tests.platform import Account, Platform
from tests.waiting import eventually

WORKERS = 6


@pytest.mark.parametrize(
    ("lifetime", "seconds"),
    # A certificate is renewed when a third of its lifetime is over.
    [pytest.param(12, 20), pytest.param(30, 300, marks=[pytest.mark.soak, pytest.mark.timeout(600)])],
    ids=["renewed every 4 s", "renewed every 10 s"],
)
async def test_no_request_fails_while_certificates_are_renewed(
    lifetime: int, seconds: int, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(LIFETIME_VARIABLE, str(lifetime))
    root = tmp_path_factory.mktemp("renewal")
    async with (
        Constellation(root, Ports.free()) as constellation,
        httpx.AsyncClient(base_url=constellation.edge_url, timeout=35) as http,
    ):
        platform = Platform(constellation, http)
        researcher = await platform.account(consented=True)
        seen: dict[str, set[int]] = {holder: set() for holder in CLIENTS}
        until = time.monotonic() + seconds
        load = [asyncio.create_task(load_until(until, researcher)) for _ in range(WORKERS)]
        watching = asyncio.create_task(collect_serials(constellation, seen))
        try:
            answers = sum(await asyncio.gather(*load), Counter[int]())
        finally:
            watching.cancel()
        assert set(answers) == {200, 201}, answers
        renewals = {holder: len(serials) - 1 for holder, serials in seen.items()}
        assert min(renewals.values()) >= seconds // lifetime, renewals
        print(f"{answers.total()} requests, {answers}; renewals {renewals}")
        # Each service takes up the last one too.
        for service in ("gateway", "backend_svc"):
            await eventually(lambda service=service: shows_current(constellation, service))


async def load_until(until: float, researcher: Account) -> Counter[int]:
    """Create and read samples; count the statuses."""
    answers = Counter[int]()
    while time.monotonic() < until:
        created = await researcher.call("POST", "/api/samples", {"organism": "E. coli"})
        answers[created.status_code] += 1
        if created.status_code == 201:
            read = await researcher.call("GET", f"/api/samples/{created.json()['id']}")
            answers[read.status_code] += 1
    return answers


async def collect_serials(constellation: Constellation, seen: dict[str, set[int]]) -> None:
    while True:
        for holder, serials in seen.items():
            serials.add(x509.load_pem_x509_certificate(held(constellation, holder).chain).serial_number)
        await asyncio.sleep(0.5)


async def shows_current(constellation: Constellation, service: str) -> bool:
    """Return whether a service's log says that it took up the newest certificate of its folder."""
    current = held(constellation, service).thumbprint
    return current in constellation.log_files[service].read_text()


def held(constellation: Constellation, holder: str) -> Certificate:
    return Certificate.read(constellation.plan.credentials.authority.folder(holder))
