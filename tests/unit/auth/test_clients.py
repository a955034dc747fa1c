"""The client of a call, as auth_svc counts it."""

from types import SimpleNamespace

import pytest

from auth_svc.clients import HEADER, client_of


@pytest.mark.parametrize(
    ("address", "client"),
    [
        ("198.51.100.7", "198.51.100.7"),
        ("::ffff:198.51.100.7", "198.51.100.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("nonsense", ""),
    ],
)
def test_client_is_an_address_or_the_first_half_of_one(address: str, client: str) -> None:
    context = SimpleNamespace(invocation_metadata=lambda: ((HEADER, address),))
    assert client_of(context) == client
